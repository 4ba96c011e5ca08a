"""Limits, history and clocks, as tables."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.model.policies import Limits
from agent.model.reasons import Reason
from agent.rules.safeguards import (
    HISTORY_KEPT,
    Clocks,
    Selection,
    beyond_history,
    beyond_limits,
    clock_suspect,
    most_by_history,
    with_run,
)

LIMITS = [
    (Selection(10, 1000, 20), Limits(), None),
    (Selection(10, 1000, 20), Limits(items=10, bytes=1000, percent=50), None),
    (Selection(11, 1000, 22), Limits(items=10), Reason.LIMIT_ITEMS),
    (Selection(10, 1001, 20), Limits(bytes=1000), Reason.LIMIT_BYTES),
    (Selection(11, 1000, 20), Limits(percent=50), Reason.LIMIT_PERCENT),
    (Selection(1, 1, 1), Limits(percent=99.9), Reason.LIMIT_PERCENT),
    (Selection(1, 1, 1), Limits(percent=100), None),
    (Selection(1, 1, 1), Limits(items=0), Reason.LIMIT_ITEMS),
    (Selection(0, 0, 0), Limits(items=0, bytes=0, percent=0), None),
    (Selection(11, 2000, 11), Limits(items=10, bytes=1000, percent=50), Reason.LIMIT_ITEMS),
]


@pytest.mark.parametrize(("selected", "limits", "reason"), LIMITS)
def test_limits(selected: Selection, limits: Limits, reason: Reason | None) -> None:
    refusal = beyond_limits(selected, limits)
    assert (refusal[0] if refusal else None) is reason


def test_limit_is_told_with_both_numbers() -> None:
    refusal = beyond_limits(Selection(1500, 0, 2000), Limits(percent=50))
    assert refusal is not None
    assert refusal[1] == "1,500 of 2,000 files (75.0%) are selected, and `limits.percent` is 50"


HISTORIES = [
    ([], 10**9, False),
    ([5, 5], 10**9, False),
    ([5, 5, 5], 1000, False),
    ([5, 5, 5], 1001, True),
    ([5, 2000, 5], 20_000, False),
    ([5, 2000, 5], 20_001, True),
]


@pytest.mark.parametrize(("history", "items", "refused"), HISTORIES)
def test_history(history: list[int], items: int, refused: bool) -> None:
    refusal = beyond_history(items, "/srv", history)
    assert (refusal is not None) is refused
    if refusal:
        assert refusal[0] is Reason.BEYOND_HISTORY


@given(st.lists(st.integers(0, 10**6), max_size=30))
def test_history_keeps_the_last_runs_that_deleted_something(runs: list[int]) -> None:
    history: list[int] = []
    for deleted in runs:
        history = with_run(history, deleted)
    assert history == [deleted for deleted in runs if deleted][-HISTORY_KEPT:]
    assert most_by_history(history) is None or max(history) * 10 <= (most_by_history(history) or 0)


HOUR, DAY = 3600.0, 86400.0
THEN = 1_800_000_000.0
BEFORE = Clocks(THEN, 5000.0, "boot-1")

CLOCKS = [
    ("never run before", Clocks(THEN, 5000, "boot-1"), None, False),
    ("both clocks went on", Clocks(THEN + DAY, 5000 + DAY, "boot-1"), BEFORE, False),
    ("slept: both clocks counted it", Clocks(THEN + 300 * DAY, 5000 + 300 * DAY, "boot-1"), BEFORE, False),
    ("an hour ahead", Clocks(THEN + DAY + HOUR, 5000 + DAY, "boot-1"), BEFORE, False),
    ("more than an hour ahead", Clocks(THEN + DAY + HOUR + 1, 5000 + DAY, "boot-1"), BEFORE, True),
    ("forty days ahead", Clocks(THEN + 40 * DAY, 5060, "boot-1"), BEFORE, True),
    ("ten years ahead after a reboot", Clocks(THEN + 3650 * DAY, 100, "boot-2"), BEFORE, True),
    ("days off", Clocks(THEN + 90 * DAY, 100, "boot-2"), BEFORE, False),
    ("set back a day", Clocks(THEN - DAY, 5060, "boot-1"), BEFORE, False),
    ("1970", Clocks(1000.0, 5060, "boot-1"), BEFORE, True),
    ("1970 and never run before", Clocks(1000.0, 60, "boot-1"), None, True),
]


@pytest.mark.parametrize(("now", "before", "suspect"), [row[1:] for row in CLOCKS], ids=[row[0] for row in CLOCKS])
def test_clock_without_a_time_server(now: Clocks, before: Clocks | None, suspect: bool) -> None:
    said = clock_suspect(now.wall, now, before, synchronised=False)
    assert (said is not None) is suspect


def test_clock_that_a_time_server_keeps_may_step() -> None:
    stepped = Clocks(THEN + 40 * DAY, 5060, "boot-1")
    assert clock_suspect(stepped.wall, stepped, BEFORE, synchronised=True) is None
    assert clock_suspect(1000.0, Clocks(1000.0, 5060, "boot-1"), BEFORE, synchronised=True) is not None


def test_clock_set_back_after_the_run_was_planned_is_suspect() -> None:
    now = Clocks(THEN, 5000, "boot-1")
    assert clock_suspect(THEN + HOUR, now, None, synchronised=True) is None
    assert clock_suspect(THEN + HOUR + 1, now, None, synchronised=True) is not None


def test_run_resumed_much_later_is_not_suspect() -> None:
    now = Clocks(THEN + 10 * DAY, 5000 + 10 * DAY, "boot-1")
    assert clock_suspect(THEN, now, BEFORE, synchronised=False) is None
