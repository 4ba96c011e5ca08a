"""What a run needs: its cycle, its readiness, order and loops."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.model.policies import Position, Window
from agent.model.reasons import Reason
from agent.model.runs import RunState
from agent.rules.needs import READY, Answer, Need, NeededRun, Readiness, cycle, loops, ranks, state
from agent.rules.windows import gate, opening
from agent.trigger import parse

BERLIN = ZoneInfo("Europe/Berlin")
CYCLE = 1000.0


def run(state: RunState, due: float = CYCLE, why: str = "", retried: bool = False) -> NeededRun:
    return NeededRun(due, state, why, retried)


@pytest.mark.parametrize(
    ("runs", "readiness"),
    [
        ([run(RunState.SUCCEEDED)], Readiness.READY),
        ([run(RunState.PENDING)], Readiness.WAITING),
        ([run(RunState.RUNNING)], Readiness.WAITING),
        ([run(RunState.INTERRUPTED)], Readiness.WAITING),
        ([run(RunState.FAILED)], Readiness.FAILED),
        ([run(RunState.SKIPPED, why=Reason.OVERLAP)], Readiness.FAILED),
        ([run(RunState.SKIPPED, why=Reason.OVERLAP), run(RunState.RUNNING)], Readiness.WAITING),
        ([run(RunState.SKIPPED, why=Reason.OVERLAP), run(RunState.SUCCEEDED)], Readiness.READY),
        ([run(RunState.SKIPPED, why=Reason.COMMAND_SAYS_SKIP)], Readiness.FAILED),
        ([run(RunState.SKIPPED, why=Reason.NOTHING_TO_DO)], Readiness.READY),
        ([run(RunState.MISSED, why=Reason.DUE_WHILE_DOWN)], Readiness.FAILED),
        ([run(RunState.UNDONE)], Readiness.FAILED),
        ([run(RunState.STUCK)], Readiness.FAILED),
        # It has not started yet, or has never run at all.
        ([], Readiness.WAITING),
        # Yesterday's success says nothing of today.
        ([run(RunState.SUCCEEDED, CYCLE - 1)], Readiness.WAITING),
        ([run(RunState.SUCCEEDED, CYCLE - 1), run(RunState.FAILED)], Readiness.FAILED),
        # A retry follows, is pending, has succeeded.
        ([run(RunState.FAILED, retried=True)], Readiness.WAITING),
        ([run(RunState.FAILED), run(RunState.PENDING)], Readiness.WAITING),
        ([run(RunState.FAILED), run(RunState.SUCCEEDED)], Readiness.READY),
        # A catch-up or an admin's own run, due later.
        ([run(RunState.MISSED), run(RunState.SUCCEEDED, CYCLE + 500)], Readiness.READY),
        ([run(RunState.SUCCEEDED), run(RunState.FAILED, CYCLE + 500)], Readiness.READY),
    ],
)
def test_state_of_a_need_with_a_schedule(runs: list[NeededRun], readiness: Readiness) -> None:
    expected = READY if readiness is Readiness.READY else Answer(readiness, "backup")
    assert state([Need("backup", True, CYCLE, tuple(runs))]) == expected


@pytest.mark.parametrize(
    ("runs", "readiness"),
    [
        ([], Readiness.WAITING),
        ([run(RunState.SUCCEEDED, 5)], Readiness.READY),
        ([run(RunState.SUCCEEDED, 5), run(RunState.FAILED, 7)], Readiness.FAILED),
        ([run(RunState.FAILED, 5), run(RunState.SUCCEEDED, 7)], Readiness.READY),
        ([run(RunState.RUNNING, 7), run(RunState.SUCCEEDED, 5)], Readiness.WAITING),
    ],
)
def test_state_of_a_need_without_a_schedule_is_that_of_its_latest_run(
    runs: list[NeededRun], readiness: Readiness
) -> None:
    assert state([Need("backup", True, None, tuple(runs))]).readiness is readiness


def test_state_of_a_disabled_need_without_a_run_has_failed() -> None:
    assert state([Need("backup", False, CYCLE, ())]) == Answer(Readiness.FAILED, "backup")
    assert state([Need("backup", False, CYCLE, (run(RunState.SUCCEEDED),))]) == READY


def test_state_of_many_needs_is_the_worst_of_them() -> None:
    good = Need("a", True, CYCLE, (run(RunState.SUCCEEDED),))
    late = Need("b", True, CYCLE, ())
    later = Need("c", True, CYCLE, ())
    bad = Need("d", True, CYCLE, (run(RunState.STUCK),))
    assert state([]) == READY
    assert state([good, good]) == READY
    assert state([good, late, later]) == Answer(Readiness.WAITING, "b")
    assert state([good, late, bad]) == Answer(Readiness.FAILED, "d")


@pytest.mark.parametrize(
    ("needed", "due", "window", "expected"),
    [
        # Without a window: the latest due time up to one's own.
        ("15 2 * * *", "2026-06-10T03:00", None, "2026-06-10T02:15"),
        ("15 2 * * *", "2026-06-10T02:15", None, "2026-06-10T02:15"),
        ("15 2 * * *", "2026-06-10T00:00", None, "2026-06-09T02:15"),
        ("0 1 * * SUN", "2026-06-10T00:00", None, "2026-06-07T01:00"),
        # In a window: tonight's, also when it is due later in the night.
        ("15 2 * * *", "2026-06-10T00:00", "0 2 * * *", "2026-06-10T02:15"),
        ("15 2 * * *", "2026-06-10T03:00", "0 2 * * *", "2026-06-10T02:15"),
        ("15 2,4 * * *", "2026-06-10T03:00", "0 2 * * *", "2026-06-10T02:15"),
        ("0 4 * * *", "2026-06-10T03:00", "0 2 * * *", "2026-06-10T04:00"),
        ("0 2 * * *", "2026-06-10T00:00", "0 2 * * *", "2026-06-10T02:00"),
        ("*/10 * * * *", "2026-06-10T00:00", "0 2 * * *", "2026-06-10T02:00"),
        # Due before the window opens, and held by it as well.
        ("0 1 * * *", "2026-06-10T00:30", "0 2 * * *", "2026-06-10T01:00"),
        # Its end is no longer in it; then the latest one counts, however old.
        ("0 5 * * *", "2026-06-10T00:00", "0 2 * * *", "2026-06-09T05:00"),
        ("0 1 * * SUN", "2026-06-10T00:00", "0 2 * * *", "2026-06-07T01:00"),
    ],
)
def test_cycle_is_the_due_time_that_a_run_belongs_to(needed: str, due: str, window: str | None, expected: str) -> None:
    moment = datetime.fromisoformat(due).replace(tzinfo=UTC)
    opened = None
    if window:
        opened = opening(gate(Window("w", window, 10800.0, "UTC", Position("w.yaml", 1, 1)), UTC), moment)
    found = cycle(parse(needed), UTC, moment, opened)
    assert found == datetime.fromisoformat(expected).replace(tzinfo=UTC).timestamp()


def test_cycle_is_read_in_the_needed_tasks_zone() -> None:
    due = datetime(2026, 6, 10, 3, tzinfo=UTC)
    assert cycle(parse("15 2 * * *"), BERLIN, due, None) == datetime(2026, 6, 10, 0, 15, tzinfo=UTC).timestamp()


def test_ranks_are_depths() -> None:
    needs = {"a": (), "b": ("a",), "c": ("b", "a"), "d": (), "e": ("unknown", "a")}
    assert ranks(needs) == {"a": 0, "b": 1, "c": 2, "d": 0, "e": 1}


def test_ranks_of_loops_come_last() -> None:
    assert ranks({"a": ("b",), "b": ("a",), "c": (), "d": ("a",)}) == {"a": 1, "b": 1, "c": 0, "d": 1}


@pytest.mark.parametrize(
    ("needs", "expected"),
    [
        ({}, []),
        ({"a": ("b",), "b": ()}, []),
        ({"a": ("a",)}, [("a",)]),
        ({"c": ("a",), "a": ("b",), "b": ("c",)}, [("a", "b", "c")]),
        ({"a": ("b", "c"), "b": ("d",), "c": ("d",), "d": ()}, []),
        ({"a": ("b",), "b": ("a",), "c": ("d",), "d": ("c",), "e": ("a", "c")}, [("a", "b"), ("c", "d")]),
        ({"a": ("gone",)}, []),
    ],
)
def test_loops_are_found_each_from_its_smallest_name(
    needs: dict[str, tuple[str, ...]], expected: list[tuple[str, ...]]
) -> None:
    assert loops(needs) == expected


names = st.sampled_from("abcdefgh")
graphs = st.dictionaries(names, st.lists(names, max_size=3, unique=True))


@given(graphs)
@settings(max_examples=300)
def test_loops_are_real_and_without_one_ranks_put_every_need_first(graph: dict[str, list[str]]) -> None:
    found = loops(graph)
    for loop in found:
        assert loop[0] == min(loop)
        assert all(after in graph[before] for before, after in zip(loop, (*loop[1:], loop[0]), strict=True))
    order = ranks(graph)
    assert set(order) == set(graph)
    upward = all(order[need] < order[task] for task, wanted in graph.items() for need in wanted if need in graph)
    assert upward == (not found)


def test_loops_and_ranks_of_a_long_chain_need_no_recursion() -> None:
    chain = {f"t{number:05}": (f"t{number + 1:05}",) for number in range(20_000)}
    began = time.process_time()
    assert loops(chain) == []
    assert max(ranks(chain).values()) == 19_999
    chain["t20000"] = ("t00000",)
    assert len(loops(chain)[0]) == 20_001
    assert time.process_time() - began < 2.0
