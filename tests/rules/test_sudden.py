from __future__ import annotations

import random

import pytest

from agent.rules.sudden import KEPT, Hour, changes, remembered


def days(*counts: int, span: float = 3600.0) -> list[Hour]:
    return [Hour(24 * day, span, {"level:error": count}) for day, count in enumerate(counts)]


def now(count: int, span: float = 3600.0) -> Hour:
    return Hour(24 * 7, span, {"level:error": count})


@pytest.mark.parametrize(
    ("past", "count", "whole", "rose"),
    [
        ((10, 12, 9, 11), 100, False, True),
        ((10, 12, 9, 11), 25, False, None),
        ((0, 0, 0), 25, False, True),
        ((0, 0, 0), 15, False, None),
        ((0, 0, 500), 400, False, None),
        ((100, 120, 90), 0, True, False),
        ((100, 120, 90), 0, False, None),
        ((20, 20, 20), 0, True, None),
        ((1000, 1000), 50_000, True, None),
        ((1000, 1200, 900, 1100), 1300, True, None),
    ],
)
def test_changes_are_what_is_far_from_usual(past: tuple[int, ...], count: int, whole: bool, rose: bool | None) -> None:
    found = changes(now(count), days(*past), whole=whole)
    assert [change.rose for change in found] == ([] if rose is None else [rose])


def test_changes_are_not_judged_by_other_hours_of_the_day() -> None:
    past = [Hour(24 * day + 5, 3600.0, {"level:error": 1}) for day in range(5)]
    assert changes(now(10_000), past, whole=True) == []


def test_changes_are_not_told_when_a_run_makes_up_for_an_outage() -> None:
    assert changes(now(10_000, span=9 * 3600.0), days(10, 11, 9), whole=True) == []


def test_changes_too_few_lines_in_an_hour_that_was_hardly_read_are_none() -> None:
    assert changes(now(0, span=600.0), days(100, 110, 90), whole=True) == []


def test_changes_of_counts_that_only_scatter_are_rare() -> None:
    scatter = random.Random(1)
    past: list[Hour] = []
    alarms = 0
    for number in range(24 * 60):
        mean = 50 + 40 * (number % 24 > 8)
        count = sum(scatter.random() < mean / 1000 for _ in range(1000))
        hour = Hour(number, 3600.0, {"level:error": count})
        alarms += len(changes(hour, past, whole=True))
        past = remembered(past, hour)
    assert alarms == 0
    assert len(past) <= KEPT
