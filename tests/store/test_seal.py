from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import StoreError
from agent.store.seal import Value, seal, verified

VALUES = st.lists(st.none() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(), max_size=5)


@given(VALUES)
def test_sealed_row_is_verified(values: list[Value]) -> None:
    assert list(verified("table", [*values, seal("table", values)])) == values


@given(VALUES, VALUES)
def test_seal_of_another_row_or_another_table_is_refused(values: list[Value], others: list[Value]) -> None:
    if [*map(ascii, values)] != [*map(ascii, others)] and values != others:
        with pytest.raises(StoreError, match="table rows is not what was written"):
            verified("rows", ["name", *values, seal("rows", ["name", *others])])
    with pytest.raises(StoreError, match="table rows is not what was written"):
        verified("rows", ["name", *values, seal("others", ["name", *values])])


def test_seal_does_not_depend_on_the_unicode_that_the_interpreter_knows() -> None:
    # U+1FAE9 was given out with Unicode 16: an interpreter that knows it shows it otherwise than one that does not.
    assert seal("t", ["\U0001fae9", "größe", 5]) == "58bc8d1e075dee8a"


def test_seal_of_an_earlier_version_is_verified_still() -> None:
    canonical = "\x1f".join([repr(5.0), repr("größe")])
    earlier = hashlib.blake2b(f"t\x1e{canonical}".encode(), digest_size=8).hexdigest()
    assert verified("t", [5, "größe", earlier]) == [5, "größe"]
    with pytest.raises(StoreError):
        verified("t", [5, "grösse", earlier])
