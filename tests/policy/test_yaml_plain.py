"""The reader of plain YAML and PyYAML: whatever the one reads, the other reads as the same, with the same places."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.policy.bounds import SMALL_BYTES
from agent.policy.places import members, place
from agent.policy.yaml_front import read
from agent.policy.yaml_plain import PlainReader
from tests.policy.samples import BAD, GOOD

POLICIES = sorted((Path(__file__).parents[2] / "policies").glob("*.yaml"))
ODD = [
    *"\n\n  \t:#-?,[]{}&*!|>'\"%@`~\\.0aé\r\x07",
    ": ",
    " #",
    "- ",
    "\n  ",
    "\n    ",
    "---\n",
    "...",
    "<<",
    "0x",
    "1e9",
]
READER = PlainReader()


def agree(data: bytes) -> bool:
    """Return whether the bytes are plain; if so, they have to be what PyYAML says."""
    plain = READER.read(data)
    if plain is None:
        return False
    document = read(data)
    assert document.flaws == ()
    # Written out, since 1, 1.0 and true are equal.
    assert repr(plain.data) == repr(document.data)
    things = [(section, name, place(key)) for section, _, of in members(document.node) for name, key, _ in members(of)]
    assert plain.names == things or plain.names is None
    return True


@pytest.mark.parametrize("policy", POLICIES, ids=lambda path: path.stem)
def test_policies_that_are_shipped_are_plain(policy: Path) -> None:
    assert agree(policy.read_bytes())


@pytest.mark.parametrize("sample", [*GOOD, *BAD, *POLICIES], ids=lambda path: path.stem)
def test_whatever_becomes_of_a_sample_is_read_as_the_same(sample: Path) -> None:
    text = sample.read_bytes().decode("utf-8", "replace")
    dice = random.Random(sample.name)
    for _ in range(20):
        broken = text
        for _ in range(dice.randrange(4)):
            start = dice.randrange(len(broken) + 1)
            broken = broken[:start] + dice.choice(ODD) + broken[start + dice.randrange(3) :]
        agree(broken.encode())


WORDS = st.one_of(
    st.sampled_from(
        ["a", "b-c", "0755", "22:30", "no", "true", "~", "null", "-1", "1.5", ".5", "1e400", "0o17", "*/5"]
    ),
    st.text("ab01.-_/+$(~ :#,[]{}\"'&*!|>%@?=", min_size=1, max_size=8),
    st.text("abc 01", max_size=6).map(lambda text: f'"{text}"'),
    st.text("abc# :,[]", max_size=6).map(lambda text: f"'{text}'"),
)
FLOWS = st.recursive(
    WORDS,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]")
        | st.lists(st.tuples(st.sampled_from(["a", "b", "c-d"]), inner), max_size=3).map(
            lambda pairs: f"{{{', '.join(f'{key}: {value}' for key, value in pairs)}}}"
        )
        | inner.map(lambda item: f"[ {item} , {item}]")
    ),
    max_leaves=6,
)
LINES = st.tuples(
    st.sampled_from(["", "", "  ", "  ", "    ", "   "]),
    st.sampled_from(["a:", "b:", "c:", "d:", "a: ", "b: ", "c: ", "d:  ", "- ", "- ", "# ", ""]),
    st.one_of(st.just(""), FLOWS),
    st.sampled_from(["", "", "", " ", " # c"]),
).map("".join)


@given(st.lists(LINES, max_size=8))
def test_lines_that_may_be_plain_are_read_as_the_same(lines: list[str]) -> None:
    agree("\n".join(lines).encode())


@given(st.lists(st.tuples(st.sampled_from("abcd"), FLOWS), min_size=1, max_size=4, unique_by=lambda pair: pair[0]))
def test_members_on_lines_of_their_own_are_read_as_the_same(pairs: list[tuple[str, str]]) -> None:
    agree("".join(["t:\n", *(f"  {key}: {value}\n" for key, value in pairs)]).encode())


PLAIN = """
# a comment
version: 1
x-list: [a, [b, "c, d"], {}, []]
tasks:

  one:
    # another
    with: {command: [/bin/true, -n, "*.part"], deep: {a: {b: 'c'}}}
    needs:
      - a b
      - "0"
      - 0
    at: http://host:80/x#y
    mode: 0755
    share: 1.50
    none: null
  two: {a: 1}
"""


def test_what_is_plain_is_read() -> None:
    plain = READER.read(PLAIN.encode())
    assert agree(PLAIN.encode())
    assert plain and plain.names == [("tasks", "one", (7, 3)), ("tasks", "two", (18, 3))]


def test_places_in_a_section_in_brackets_are_not_known() -> None:
    assert READER.read(b"a: {b: {c: 1}}") == ({"a": {"b": {"c": 1}}}, None)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "#",
            "a",
            "- a",
            "a:",
            "a: b: c",
            "a: b #c",
            "a:\n- b",
            "a: b\n  c",
            "a:\n  b: 1\n c: 2",
            "a:\n  - b\n  c: 1",
        ),
        *(
            "a: &b c",
            "a: *b",
            "a: !!str b",
            "a: |\n  b",
            "a: >\n  b",
            "a: 'it''s'",
            'a: "b\\n"',
            "a: 'b\n  c'",
            "? a\n: b",
        ),
        *(
            "a: é",
            "a:\tb",
            "a: b\r\n",
            "\ufeffa: b",
            "--- \na: b",
            "a: b\n...",
            "'a': b",
            "<<: {a: 1}",
            "a b: c",
            "a:b",
        ),
        *(
            "a: 1\na: 2",
            "a: [b, {c: 1, c: 2}]",
            "a: [b: c]",
            "a: [b,]",
            "a: [,]",
            "a: [b",
            "a: [b]]",
            "a: [b] c",
        ),
        *("a: [b]\n  c: 1", "a: .inf", "a: [.nan]", "a: 99999999999999999999", "a: [b:c]", "a: [b #c]", "a: [1 2: 3]"),
        *("a: " + "[" * 9 + "]" * 9, "".join(f"{' ' * level}a:\n" for level in range(9)) + " " * 9 + "b: 1"),
        "a: " + "b" * SMALL_BYTES,
    ],
)
def test_what_is_not_plain_is_left(text: str) -> None:
    assert READER.read(text.encode()) is None


def test_policies_that_are_plain_are_loaded_without_pyyaml() -> None:
    code = (
        "import sys; from agent.policy.compile import Compiler; compiler = Compiler();"
        "compiler.policy(open(sys.argv[1], 'rb').read(), 'p.yaml'); print('yaml' in sys.modules)"
    )
    told = subprocess.run(
        [sys.executable, "-I", "-c", code, str(POLICIES[0])], capture_output=True, text=True, check=True
    )
    assert told.stdout == "False\n"
