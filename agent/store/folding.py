"""How samples grow coarser with age: of each stretch of time the least number, the mean, the greatest, and how many.

A column of a coarser block is four: `4 * id` and the place of each of the four in FOUR.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence

from agent.store.blocks import Block

LOW, MEAN, HIGH, COUNT = FOUR = (0, 1, 2, 3)

Four = tuple[float, float, float, float]


def fold(blocks: Iterable[tuple[int, Block]], step: int) -> Block:
    """Given blocks, each with the seconds that one of its numbers stands for (0: raw), return one with coarser ones."""
    found: dict[int, dict[int, list[Four]]] = {}
    for fine, block in blocks:
        for place, begin, end in _stretches(block.times, step):
            for key, four in _fours(fine, block, begin, end):
                found.setdefault(key, {}).setdefault(place, []).append(four)
    places = sorted({place for numbers in found.values() for place in numbers})
    columns = {4 * key + which: array("f") for key in found for which in FOUR}
    for key, numbers in found.items():
        for place in places:
            four = _joined(numbers[place]) if place in numbers else (math.nan,) * 4
            for which in FOUR:
                columns[4 * key + which].append(four[which])
    return Block(array("d", [float(place * step) for place in places]), columns)


def _stretches(times: Sequence[float], step: int) -> Iterable[tuple[int, int, int]]:
    """Return the stretches that times lie in, each with the part of the times that is in it."""
    begin = 0
    while begin < len(times):
        place = math.floor(times[begin] / step)
        end = bisect_left(times, (place + 1) * step, begin)
        yield place, begin, end
        begin = end


def _fours(fine: int, block: Block, begin: int, end: int) -> Iterable[tuple[int, Four]]:
    for key in {key // 4 for key in block.columns}:
        parts = [block.columns[4 * key + which][begin:end] for which in FOUR if 4 * key + which in block.columns]
        four = _of_raw(parts[0]) if not fine else _joined(list(zip(*parts, strict=True)))
        if four[COUNT] > 0:
            yield key, four


def _of_raw(column: array[float]) -> Four:
    total = sum(column)
    if not math.isfinite(total):
        column = array("d", filter(math.isfinite, column))
        total = sum(column)
    count = len(column)
    return (min(column), total / count, max(column), count) if count else (math.nan, math.nan, math.nan, 0.0)


def _joined(fours: Sequence[Sequence[float]]) -> Four:
    known = [four for four in fours if four[COUNT] > 0]  # not where it is not a number
    if not known:
        return (math.nan, math.nan, math.nan, 0.0)
    count = sum(four[COUNT] for four in known)
    mean = sum(four[MEAN] * four[COUNT] for four in known) / count
    return (min(four[LOW] for four in known), mean, max(four[HIGH] for four in known), count)
