"""How samples lie in a row of the store: columns of numbers over shared instants, packed small, with a seal of its own.

Times are kept to a tenth of a second. Numbers are kept as 32 bits, which is seven digits, except in columns that are
`exact` and hold numbers of 2**24 and more: whole numbers never change. All bytes are little-endian.
"""

from __future__ import annotations

import math
import struct
import sys
import zlib
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from agent.digests import blake2b

SEAL_BYTES = 8
WHOLE = float(1 << 24)
"""Up to here 32 bits hold every whole number."""

_TICKS = 10.0
_HEAD = struct.Struct("<IIII")
_SWAP = sys.byteorder == "big"


class Block(Struct, frozen=True):
    """Numbers of some columns at `times` (seconds since the epoch, rising); NaN where a column has none."""

    times: array[float]
    columns: Mapping[int, array[float]]


def pack(name: str, start: float, blocks: Iterable[Block], *, exact: bool) -> bytes:
    """Given what seals the row beside its content, where its times begin, and blocks, return them as one body."""
    parts: list[bytes] = []
    for block in blocks:
        wide = sorted(key for key, column in block.columns.items() if exact and _is_wide(column))
        narrow = sorted(block.columns.keys() - set(wide))
        parts.append(_HEAD.pack(len(block.times), len(narrow), len(wide), 0))
        parts.append(_bytes(array("I", narrow + wide)))
        parts.append(_shuffled(_deltas(start, block.times), 4))
        parts.append(_shuffled(_joined("f", (block.columns[key] for key in narrow)), 4))
        parts.append(_shuffled(_joined("d", (block.columns[key] for key in wide)), 8))
    body = zlib.compress(b"".join(parts), 6)
    return _seal(name, start, body) + body


def unpack(name: str, start: float, body: bytes, wanted: frozenset[int] | None = None) -> list[Block]:
    """Given the same and a body, return its blocks, with the wanted columns alone or with all.

    Raises ValueError where the body is not what was written.
    """
    if len(body) <= SEAL_BYTES or _seal(name, start, body[SEAL_BYTES:]) != body[:SEAL_BYTES]:
        raise ValueError("its seal does not fit")
    return [block for block in _blocks(start, zlib.decompress(body[SEAL_BYTES:]), wanted) if block.columns]


def _blocks(start: float, data: bytes, wanted: frozenset[int] | None) -> Iterator[Block]:
    at = 0
    while at < len(data):
        points, narrow, wide, _ = _HEAD.unpack_from(data, at)
        at += _HEAD.size
        keys = _whole(data[at : at + 4 * (narrow + wide)])
        at += 4 * len(keys)
        ticks = _whole(_plain(data[at : at + 4 * points], 4))
        at += 4 * points
        columns: dict[int, array[float]] = {}
        for kind, size, here in (("f", 4, keys[:narrow]), ("d", 8, keys[narrow:])):
            length = size * points * len(here)
            if wanted is None or not wanted.isdisjoint(here):
                numbers = _numbers(kind, _plain(data[at : at + length], size))
                columns.update(
                    (key, numbers[place * points : (place + 1) * points])
                    for place, key in enumerate(here)
                    if wanted is None or key in wanted
                )
            at += length
        yield Block(_instants(start, ticks) if columns else array("d"), columns)


def _is_wide(column: Sequence[float]) -> bool:
    if math.isnan(sum(column)):  # a number is missing, and what is not a number compares with nothing
        column = [value for value in column if not math.isnan(value)] or [0.0]
    return max(column) >= WHOLE or min(column) <= -WHOLE


def _deltas(start: float, times: Sequence[float]) -> bytes:
    ticks = [round((time - start) * _TICKS) for time in times]
    return _bytes(array("I", [after - before for before, after in zip([0, *ticks], ticks, strict=False)]))


def _instants(start: float, deltas: Iterable[int]) -> array[float]:
    ticks, found = 0, array("d")
    for delta in deltas:
        ticks += delta
        found.append(start + ticks / _TICKS)
    return found


def _joined(kind: str, columns: Iterable[array[float]]) -> bytes:
    joined: array[float] = array(kind)
    for column in columns:
        joined.extend(column if column.typecode == kind else array(kind, column))
    return _bytes(joined)


def _bytes(numbers: array[int] | array[float]) -> bytes:
    if _SWAP:
        numbers.byteswap()
    return numbers.tobytes()


def _numbers(kind: str, data: bytes) -> array[float]:
    numbers: array[float] = array(kind, data)
    if _SWAP:
        numbers.byteswap()
    return numbers


def _whole(data: bytes) -> array[int]:
    numbers = array("I", data)
    if _SWAP:
        numbers.byteswap()
    return numbers


def _shuffled(data: bytes, size: int) -> bytes:
    """Put the first bytes of all numbers together, then the second ones: neighbours are alike, and pack small."""
    return b"".join(data[place::size] for place in range(size))


def _plain(data: bytes, size: int) -> bytes:
    count = len(data) // size
    plain = bytearray(len(data))
    for place in range(size):
        plain[place::size] = data[place * count : (place + 1) * count]
    return bytes(plain)


def _seal(name: str, start: float, body: bytes) -> bytes:
    return blake2b(f"{name}\x1e{start!r}\x1e".encode() + body, digest_size=SEAL_BYTES).digest()
