"""The front end against whatever hypothesis can think of."""

from __future__ import annotations

import math
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from agent.policy.inspection import needs_inspection
from agent.policy.yaml_front import Document, read

JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63) + 1, 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300)
    | st.text(
        st.characters(codec="utf-8", exclude_characters="\0\x7f", exclude_categories=["Cs", "Cc", "Cn"]), max_size=20
    ),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text("abc<&*!-_ :#", min_size=1, max_size=6).filter(lambda key: key != "<<"), inner, max_size=4
        )
    ),
    max_leaves=20,
)


class Quoting(yaml.CSafeDumper):
    """Puts quotes around all text, because what the library takes for text without them follows YAML 1.1."""


Quoting.add_representer(str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"'))


@given(JSON_VALUES, st.booleans())
def test_whatever_is_dumped_is_read_as_the_same(value: Any, flow: bool) -> None:
    text = yaml.dump(value, Dumper=Quoting, allow_unicode=True, default_flow_style=flow, version=(1, 2))
    document = read(text.encode())
    if any(isinstance(flaw.wrong, str) and "nested more" in flaw.wrong for flaw in document.flaws):
        return
    if value is None:
        assert document.data is None
        return
    assert document.flaws == ()
    assert equal(document.data, value)


def equal(found: Any, value: Any) -> bool:
    """Say whether two values are the same, numbers by value."""
    if isinstance(value, float) and isinstance(found, float):
        return math.isclose(found, value, rel_tol=1e-12)
    if isinstance(value, dict):
        return (
            isinstance(found, dict) and found.keys() == value.keys() and all(equal(found[k], value[k]) for k in value)
        )
    if isinstance(value, list):
        return isinstance(found, list) and len(found) == len(value) and all(map(equal, found, value))
    return type(found) is type(value) and bool(found == value)


WORDS = (
    "a|b: |- |\n|  |[|]|{|}|,|&x |*x |!!str |! |<<: |'|\"|\\|1|.inf|>\n|? |: |#|%TAG ! a\n|---\n|...\n"
    "|\t|\0|ä|\x85|\u2028|~|true|0x1"
)
PIECES = st.lists(st.sampled_from(WORDS.split("|")), max_size=40).map("".join)


@given(PIECES)
def test_any_text_gives_data_or_flaws(text: str) -> None:
    document = read(text.encode())
    assert isinstance(document, Document)
    for flaw in document.flaws:
        assert flaw.wrong
        assert flaw.right
        assert flaw.line <= text.count("\n") + text.count("\x85") + text.count("\u2028") + 2


@given(st.binary(max_size=200))
def test_any_bytes_give_data_or_flaws(data: bytes) -> None:
    document = read(data)
    assert document.flaws or document.node is not None


@given(PIECES)
def test_what_needs_no_inspection_is_read_alike_with_and_without_it(text: str) -> None:
    """A comment with an exclamation mark changes nothing but that the careful way is taken."""
    plain = text.encode()
    careful = plain + b"\n#!\n"
    assert needs_inspection(careful)
    if needs_inspection(plain) or not plain.endswith(b"\n"):
        return
    assert read(plain).data == read(careful).data
