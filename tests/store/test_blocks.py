from __future__ import annotations

import math
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.store.blocks import WHOLE, Block, pack, unpack

START = 1_800_000_000.0
NUMBERS = st.lists(st.floats(-(2.0**99), 2.0**99, width=32) | st.just(math.nan), min_size=3, max_size=3)


def block(**columns: list[float]) -> Block:
    times = array("d", [START, START + 10.1, START + 20])
    return Block(times, {int(name[1:]): array("d", numbers) for name, numbers in columns.items()})


@given(st.dictionaries(st.integers(1, 10**6), NUMBERS, min_size=1, max_size=5))
def test_block_unpacked_is_what_was_packed(columns: dict[int, list[float]]) -> None:
    made = block(**{f"c{key}": numbers for key, numbers in columns.items()})
    (found,) = unpack("0", START, pack("0", START, [made], exact=True))
    assert found.times.tolist() == pytest.approx(made.times.tolist(), abs=0.01)
    for key, numbers in columns.items():
        assert found.columns[key].tolist() == pytest.approx(numbers, nan_ok=True)


def test_whole_numbers_beyond_32_bits_are_exact() -> None:
    made = block(c1=[WHOLE + 1, 9_007_199_254_740_991.0, math.nan], c2=[1.0, 2.0, 3.0])
    (found,) = unpack("0", START, pack("0", START, [made], exact=True))
    assert found.columns[1][:2].tolist() == [WHOLE + 1, 9_007_199_254_740_991.0]
    assert found.columns[2].typecode == "f"


def test_only_wanted_columns_and_their_blocks_are_unpacked() -> None:
    body = pack("0", START, [block(c1=[1, 2, 3], c2=[4, 5, 6]), block(c3=[7, 8, 9])], exact=True)
    (found,) = unpack("0", START, body, frozenset({2}))
    assert {key: column.tolist() for key, column in found.columns.items()} == {2: [4, 5, 6]}
    assert [tuple(one.columns) for one in unpack("0", START, body)] == [(1, 2), (3,)]


@given(st.data())
def test_body_with_any_byte_changed_is_refused(data: st.DataObject) -> None:
    body = bytearray(pack("0", START, [block(c1=[1, 2, 3])], exact=True))
    body[data.draw(st.integers(0, len(body) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(ValueError, match="seal"):
        unpack("0", START, bytes(body))


def test_body_of_another_row_is_refused() -> None:
    body = pack("0", START, [block(c1=[1, 2, 3])], exact=True)
    for name, start in (("300", START), ("0", START + 1)):
        with pytest.raises(ValueError, match="seal"):
            unpack(name, start, body)
