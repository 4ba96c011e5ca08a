"""What YAML means to the front end: scalars, keys, places, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from agent.policy.bounds import MAX_BYTES, MAX_DEPTH, MAX_SCALAR
from agent.policy.places import Places
from agent.policy.yaml_front import read


def value_of(text: str) -> Any:
    document = read(f"a: {text}\n".encode())
    assert not document.flaws, document.flaws
    return document.data["a"]


def flaws_of(text: str | bytes) -> list[tuple[int, int, str]]:
    data = text if isinstance(text, bytes) else text.encode()
    return [(flaw.line, flaw.column, flaw.wrong) for flaw in read(data).flaws]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *((word, None) for word in ("", "~", "null", "Null", "NULL")),
        *((word, True) for word in ("true", "True", "TRUE")),
        *((word, False) for word in ("false", "False", "FALSE")),
        *((text, int(text)) for text in ("0", "1", "-7", "+7", "-0", "9223372036854775807")),
        ("0o17", 15),
        ("0x1F", 31),
        ("1.5", 1.5),
        (".5", 0.5),
        ("-.5", -0.5),
        ("1.", 1.0),
        ("0.0", 0.0),
        ("1e3", 1000.0),
        ("1.5E-3", 0.0015),
        ("1e308", 1e308),
    ],
)
def test_scalar_of_the_core_schema_is_that_value(text: str, value: object) -> None:
    found = value_of(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    "text",
    [
        *("yes", "no", "on", "off", "y", "n", "Yes", "NO", "nULL", "tRUE", "none", "None"),
        *(
            "22:30",
            "12:30:45",
            "1:2",
            "0755",
            "00",
            "-01",
            "007.5",
            "1_000",
            "0b101",
            "0o8",
            "0x",
            "0xG",
            "1e",
            "e3",
            ".",
        ),
        *(
            "2026-01-02",
            "2026-01-02 03:04:05",
            "1.2.3",
            "10MiB",
            "7d",
            "3h",
            "50%",
            "=",
            "<",
            "1,000",
            "٣",
            "+",
            "-x",
            "infinity",
        ),
        *("nan", "inf", "true false", "null.", "~x"),
    ],
)
def test_scalar_that_is_none_of_the_core_schema_stays_text(text: str) -> None:
    assert value_of(text) == text


@pytest.mark.parametrize("text", ["1", "true", "null", "~", "", ".inf", "1e999", "<<", "0x1f"])
@pytest.mark.parametrize("quote", ["'", '"'])
def test_quoted_scalar_is_text(text: str, quote: str) -> None:
    assert value_of(f"{quote}{text}{quote}") == text


def test_block_scalar_is_text() -> None:
    assert read(b"a: |\n  12\nb: >-\n  true\n").data == {"a": "12\n", "b": "true"}


@pytest.mark.parametrize("key", ["1", "true", "null", "1.5", "2026-01-02", "no", "''"])
def test_key_is_always_text(key: str) -> None:
    assert read(f"{key}: x\n".encode()).data == {key.strip("'"): "x"}


@pytest.mark.parametrize("text", [".inf", "-.inf", "+.INF", ".nan", "-.NaN", ".Inf"])
def test_number_that_is_not_finite_is_a_flaw(text: str) -> None:
    assert flaws_of(f"a: {text}\n") == [(1, 4, f"the number {text} is not finite")]


@pytest.mark.parametrize(
    "text", ["1e999", "-1e999", "9" * 5000, "9223372036854775808", "0xffffffffffffffff", "0o" + "7" * 40]
)
def test_number_that_is_too_large_is_a_flaw(text: str) -> None:
    assert flaws_of(f"a: {text}\n") == [(1, 4, f"the number {text[:40]} is too large")]


def test_duplicate_keys_are_all_named_at_any_depth() -> None:
    text = "a: 1\nb: {c: 1, c: 2, c: 3}\na: 2\n"
    assert sorted(flaws_of(text)) == [
        (2, 11, 'duplicate key "c", first on line 2'),
        (2, 17, 'duplicate key "c", first on line 2'),
        (3, 1, 'duplicate key "a", first on line 1'),
    ]


def test_of_duplicate_keys_the_first_counts_for_value_and_place() -> None:
    document = read(b"a: 1\nb: 2\na: 3\n")
    assert document.data == {"a": 1, "b": 2}
    assert document.node is not None
    assert Places(document.node).value_place(("a",)) == (1, 4)


def test_merge_key_is_a_flaw_and_its_look_alikes_are_not() -> None:
    assert flaws_of("a: &a {x: 1}\nb:\n  <<: *a\n") == [(3, 3, "merge keys (<<) are not allowed")]
    assert read(b"'<<': 1\nb: <<\n").data == {"<<": 1, "b": "<<"}
    assert flaws_of("'<<': 1\nb: <<\n") == []


@pytest.mark.parametrize("key", ["[a]", "{a: b}", "[]"])
def test_collection_as_key_is_a_flaw(key: str) -> None:
    assert flaws_of(f"? {key}\n: 1\nb: 2\n") == [(1, 3, "a list or a map as key")]
    assert read(f"? {key}\n: 1\nb: 2\n".encode()).data == {"b": 2}


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("a: !!str 1", "!!str"),
        ("a: !!python/object/apply:os.system [x]", "!!python/object/apply:os.system"),
        ("a: !mine {b: c}", "!mine"),
        ("a: ! 1", "!"),
        ("!!map {a: 1}", "!!map"),
        ("!k a: 1", "!k"),
    ],
)
def test_tag_is_a_flaw(text: str, tag: str) -> None:
    ((_, _, wrong),) = flaws_of(text)
    assert wrong == f'tag "{tag}" is not allowed'


def test_alias_is_written_out_as_a_copy() -> None:
    document = read(b"x-a: &a {b: [1, 2]}\nc: *a\nd: [*a, *a]\n")
    assert document.data["d"] == [{"b": [1, 2]}, {"b": [1, 2]}]
    assert document.data["d"][0] is not document.data["d"][1]


@pytest.mark.parametrize("text", ["a: &a [*a]", "a: &a {b: {c: *a}}", "&a {b: *a}", "a: &a [&b [*a, *b]]"])
def test_alias_inside_its_own_anchor_is_a_flaw(text: str) -> None:
    ((_, _, wrong),) = flaws_of(text)
    assert wrong.endswith("contains itself")


def nested(depth: int, *, flow: bool) -> bytes:
    if flow:
        return b"[" * depth + b"]" * depth
    return "\n".join(" " * level + "a:" for level in range(depth)).encode()


@pytest.mark.parametrize("flow", [True, False])
def test_nesting_is_allowed_up_to_the_bound(flow: bool) -> None:
    assert read(nested(MAX_DEPTH, flow=flow)).flaws == ()
    ((_, _, wrong),) = flaws_of(nested(MAX_DEPTH + 1, flow=flow))
    assert wrong == f"nested more than {MAX_DEPTH} levels deep"


def test_nesting_through_aliases_counts() -> None:
    half = MAX_DEPTH // 2 + 2
    text = f"x-a: &a {'[' * half}{']' * half}\nb: {'[' * half}*a{']' * half}\n"
    ((_, _, wrong),) = flaws_of(text)
    assert wrong == f"nested more than {MAX_DEPTH} levels deep"


def test_scalar_is_allowed_up_to_the_bound() -> None:
    assert read(b"a: " + b"x" * MAX_SCALAR).flaws == ()
    assert flaws_of(b"a: " + b"x" * (MAX_SCALAR + 1)) == [(1, 4, f"a text of {MAX_SCALAR + 1} characters")]


def test_file_is_allowed_up_to_the_bound() -> None:
    assert read(b"a: 1 #".ljust(MAX_BYTES, b"x")).flaws == ()
    assert flaws_of(b"a: 1 #".ljust(MAX_BYTES + 1, b"x")) == [(0, 0, f"larger than {MAX_BYTES} bytes")]


@pytest.mark.parametrize(
    ("data", "place", "wrong"),
    [
        (b"a: 1\nb: caf\xe9\n", (2, 7), "not valid UTF-8"),
        ("a: 1\n# ä\nb: ".encode() + b"\xed\xa0\x80", (3, 4), "not valid UTF-8"),
        ("a: b".encode("utf-16"), (1, 1), "not valid UTF-8"),
        (b"a: 1\nb: x\0y\n", (2, 5), "the character U+0000 is not allowed"),
        (b"a: \x1b[31m\n", (1, 4), "the character U+001B is not allowed"),
        (b"a: \x7f\n", (1, 4), "the character U+007F is not allowed"),
        ("a: ä\ufffe\n".encode(), (1, 5), "the character U+FFFE is not allowed"),
        (b'a: "\\0"\n', (1, 4), "a text with a NUL character"),
        (b'a: {"\\0": 1}\n', (1, 5), "a text with a NUL character"),
    ],
)
def test_character_that_does_not_belong_is_a_flaw_with_its_place(
    data: bytes, place: tuple[int, int], wrong: str
) -> None:
    assert flaws_of(data) == [(*place, wrong)]


def test_byte_order_mark_at_the_start_is_passed_over() -> None:
    document = read(b"\xef\xbb\xbfa: 1\n")
    assert document.data == {"a": 1}
    assert document.flaws == ()


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n", "---\n", "--- # x\n..."])
def test_nothing_is_a_flaw(text: str) -> None:
    document = read(text.encode())
    assert document.flaws != () or document.data is None


def test_two_documents_are_a_flaw() -> None:
    assert flaws_of("a: 1\n---\na: 2\n") == [(2, 1, "a second document begins here")]


def test_places_are_those_of_the_text() -> None:
    text = "first: 1\n\n# comment\nläst:\n  - a\n  -   key: 'v'\n      ünder: [1,   22]\nempty:\n"
    document = read(text.encode())
    assert document.node is not None
    places = Places(document.node)
    assert places.key_place(("läst",)) == (4, 1)
    assert places.value_place(("läst", 1, "key")) == (6, 12)
    assert places.key_place(("läst", 1, "ünder")) == (7, 7)
    assert places.value_place(("läst", 1, "ünder", 1)) == (7, 20)
    assert places.value_place(("empty",)) == (8, 1)
    assert places.value_place(("läst", 7, "nowhere")) == (5, 3)
    assert places.key_place(("nowhere", "at all")) == (1, 1)
