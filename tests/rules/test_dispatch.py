"""Which pending runs start, wait or are skipped."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from agent.model.policies import Overlap, Priority
from agent.model.reasons import Reason
from agent.rules.dispatch import QUEUE, Candidate, Decision, Dispatch, Running, Skip, Start, Wait, decide
from agent.rules.needs import READY, Answer, Readiness
from agent.rules.windows import Closed, Open

NOW = 1_000_000.0


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(NOW + seconds, UTC)


OPEN = Open(moment(-100), moment(500))
CLOSED = Closed(moment(300))
WAITING = Answer(Readiness.WAITING, "backup")
FAILED = Answer(Readiness.FAILED, "backup")


def pending(number: int, **fields: object) -> Candidate:
    plain = Candidate(
        run=number, task=f"t{number}", due=NOW, not_before=NOW, priority=Priority.NORMAL, overlap=Overlap.SKIP
    )
    return replace(plain, **fields)


def moves(*candidates: Candidate, running: tuple[Running, ...] = (), limit: int = 10) -> list[Decision]:
    return list(decide(candidates, running, limit, NOW).decisions)


@pytest.mark.parametrize(
    ("fields", "decision", "wake"),
    [
        ({}, Start(1), None),
        ({"hold": Reason.ON_HOLD}, Skip(1, Reason.ON_HOLD), None),
        ({"hold": Reason.DISABLED, "not_before": NOW + 5}, Skip(1, Reason.DISABLED), None),
        ({"needs": FAILED, "window": CLOSED}, Skip(1, Reason.NEEDS_FAILED, "backup"), None),
        ({"not_before": NOW + 5}, Wait(1, Reason.JITTER, NOW + 5), 5),
        ({"not_before": NOW + 5, "retry": True}, Wait(1, Reason.RETRY_DELAY, NOW + 5), 5),
        ({"needs": WAITING}, Wait(1, Reason.NEEDS_WAITING, None, "backup"), None),
        ({"needs": WAITING, "window": CLOSED}, Wait(1, Reason.NEEDS_WAITING, None, "backup"), None),
        ({"window": CLOSED}, Wait(1, Reason.WINDOW_CLOSED, NOW + 300), 300),
        ({"window": Closed(None)}, Wait(1, Reason.WINDOW_CLOSED, None), None),
        ({"window": OPEN}, Start(1), None),
        ({"window": OPEN, "expected": 500.0}, Start(1), None),
        ({"window": OPEN, "expected": 500.1}, Wait(1, Reason.WILL_NOT_FIT, NOW + 500), 500),
        ({"expected": 1e9}, Start(1), None),
    ],
)
def test_decide_one_run(fields: dict[str, object], decision: Decision, wake: float | None) -> None:
    found = decide([pending(1, **fields)], (), 1, NOW)
    assert found.decisions == (decision,)
    assert found.stops == ()
    assert found.wake == (None if wake is None else NOW + wake)


def test_decide_order_is_priority_then_needs_then_due_time() -> None:
    candidates = [
        pending(1, priority=Priority.LOW, due=NOW - 9),
        pending(2, rank=1, due=NOW - 9),
        pending(3, due=NOW - 1),
        pending(4, due=NOW - 2),
        pending(5, priority=Priority.CRITICAL, rank=3),
        pending(6, due=NOW - 2),
    ]
    assert moves(*candidates, limit=4) == [
        *(Start(number) for number in (5, 4, 6, 3)),
        *(Wait(number, Reason.CONCURRENCY) for number in (2, 1)),
    ]


def test_decide_limit_counts_running_runs_and_lets_later_ones_pass_those_that_wait() -> None:
    waiting = pending(1, priority=Priority.CRITICAL, window=CLOSED)
    candidates = (waiting, pending(2), pending(3))
    found = moves(*candidates, running=(Running(8, "other"),), limit=2)
    assert found == [Wait(1, Reason.WINDOW_CLOSED, NOW + 300), Start(2), Wait(3, Reason.CONCURRENCY)]
    assert moves(*candidates[1:], running=(Running(8, "a"), Running(9, "b")), limit=1)[0] == Wait(2, Reason.CONCURRENCY)


def test_decide_waiting_for_a_place_wakes_when_its_window_turns_it_away() -> None:
    busy = (Running(8, "other"),)
    assert decide([pending(1, window=OPEN)], busy, 1, NOW).wake == NOW + 500
    assert decide([pending(1, window=OPEN, expected=200.0)], busy, 1, NOW).wake == NOW + 300
    assert decide([pending(1, window=OPEN, expected=500.0)], busy, 1, NOW).wake == NOW + 500


def family(overlap: Overlap, count: int, **fields: object) -> list[Candidate]:
    return [pending(number, task="t", overlap=overlap, due=NOW - 100 + number, **fields) for number in range(count)]


def test_overlap_skip_keeps_the_earliest_and_skips_the_others() -> None:
    assert moves(*family(Overlap.SKIP, 3)) == [Start(0), Skip(1, Reason.OVERLAP), Skip(2, Reason.OVERLAP)]
    assert moves(*family(Overlap.SKIP, 2), running=(Running(9, "t"),)) == [
        Skip(0, Reason.OVERLAP),
        Skip(1, Reason.OVERLAP),
    ]
    held = family(Overlap.SKIP, 2, window=CLOSED)
    assert moves(*held) == [Wait(0, Reason.WINDOW_CLOSED, NOW + 300), Skip(1, Reason.OVERLAP)]


def test_overlap_skip_waits_for_its_jitter_before_it_says_so() -> None:
    first, second = family(Overlap.SKIP, 2)
    late = replace(second, not_before=NOW + 60)
    assert moves(first, late) == [Start(0), Wait(1, Reason.JITTER, NOW + 60)]


def test_overlap_with_a_run_that_is_skipped_itself_is_none() -> None:
    first, second = family(Overlap.SKIP, 2)
    assert moves(replace(first, needs=FAILED), second) == [Skip(0, Reason.NEEDS_FAILED, "backup"), Start(1)]


def test_overlap_skip_stays_behind_a_retry_that_waits() -> None:
    first, second = family(Overlap.SKIP, 2)
    retry = replace(first, retry=True, not_before=NOW + 60)
    assert moves(retry, second) == [Wait(0, Reason.RETRY_DELAY, NOW + 60), Skip(1, Reason.OVERLAP)]


def test_overlap_queue_goes_one_after_another_up_to_its_length() -> None:
    found = moves(*family(Overlap.QUEUE, QUEUE + 3))
    assert found[0] == Start(0)
    assert found[1 : QUEUE + 1] == [Wait(number, Reason.OVERLAP_QUEUED) for number in range(1, QUEUE + 1)]
    assert found[QUEUE + 1 :] == [Skip(QUEUE + 1, Reason.OVERLAP), Skip(QUEUE + 2, Reason.OVERLAP)]
    found = moves(*family(Overlap.QUEUE, 2), running=(Running(9, "t"),))
    assert found == [Wait(0, Reason.OVERLAP_QUEUED), Wait(1, Reason.OVERLAP_QUEUED)]


def test_overlap_replace_keeps_the_latest_that_may_begin() -> None:
    first, second, third = family(Overlap.REPLACE, 3)
    late = replace(third, not_before=NOW + 60)
    assert moves(first, second, late) == [
        Skip(0, Reason.SUPERSEDED),
        Start(1),
        Wait(2, Reason.JITTER, NOW + 60),
    ]


def test_overlap_replace_stops_the_running_run_once() -> None:
    (newer,) = family(Overlap.REPLACE, 1)
    found = decide([newer], (Running(9, "t"),), 1, NOW)
    assert found.decisions == (Wait(0, Reason.OVERLAP_QUEUED, None, "run 9"),)
    assert found.stops == (9,)
    assert decide([newer], (Running(9, "t", stopping=True),), 1, NOW).stops == ()


def test_overlap_replace_stops_nothing_before_it_could_begin_itself() -> None:
    for fields in (
        {"window": CLOSED},
        {"needs": WAITING},
        {"not_before": NOW + 5},
        {"window": OPEN, "expected": 900.0},
    ):
        found = decide(family(Overlap.REPLACE, 1, **fields), (Running(9, "t"),), 1, NOW)
        assert isinstance(found.decisions[0], Wait)
        assert found.stops == ()


@pytest.mark.parametrize("overlap", Overlap)
def test_overlap_never_skips_a_run_that_has_begun(overlap: Overlap) -> None:
    begun, newer = family(overlap, 2)
    begun = replace(begun, begun=True)
    refused = {Overlap.SKIP: Skip(1, Reason.OVERLAP)}.get(overlap) or Wait(1, Reason.OVERLAP_QUEUED)
    assert moves(begun, newer) == [Start(0), refused]
    assert moves(begun, running=(Running(9, "t"),)) == [Wait(0, Reason.OVERLAP_QUEUED)]


candidates = st.builds(
    Candidate,
    run=st.integers(1, 10_000),
    task=st.sampled_from("abcdef"),
    due=st.floats(NOW - 1000, NOW),
    not_before=st.sampled_from([NOW - 10, NOW, NOW + 20, NOW + 400]),
    priority=st.sampled_from(Priority),
    overlap=st.sampled_from(Overlap),
    rank=st.integers(0, 3),
    retry=st.booleans(),
    begun=st.sampled_from([False, False, True]),
    hold=st.sampled_from([None, None, None, Reason.ON_HOLD]),
    needs=st.sampled_from([READY, READY, WAITING, FAILED]),
    window=st.sampled_from([None, OPEN, OPEN, CLOSED, Closed(None)]),
    expected=st.sampled_from([None, 10.0, 100.0, 450.0, 600.0]),
)
runnings = st.lists(
    st.builds(Running, run=st.integers(20_000, 30_000), task=st.sampled_from("abcdefgh"), stopping=st.booleans()),
    max_size=4,
    unique_by=lambda run: run.run,
)


def of_one_overlap_each(waiting: list[Candidate]) -> list[Candidate]:
    policy = dict(zip("abcdef", (*Overlap, *Overlap), strict=True))
    return [replace(candidate, overlap=policy[candidate.task]) for candidate in waiting]


@given(
    st.lists(candidates, max_size=12, unique_by=lambda candidate: candidate.run),
    runnings,
    st.integers(1, 6),
)
@settings(max_examples=300, deadline=None)
def test_decide_any_pending_runs_keeps_its_promises(
    waiting: list[Candidate], running: list[Running], limit: int
) -> None:
    waiting = of_one_overlap_each(waiting)
    found = decide(waiting, running, limit, NOW)
    assert sorted(decision.run for decision in found.decisions) == sorted(candidate.run for candidate in waiting)
    assert decide(waiting[::-1], running, limit, NOW) == found
    of = {candidate.run: candidate for candidate in waiting}
    started = [of[decision.run] for decision in found.decisions if isinstance(decision, Start)]
    assert len(started) <= max(0, limit - len(running))
    assert len({candidate.task for candidate in started}) == len(started)
    assert all(candidate.task not in {run.task for run in running} for candidate in started)
    for candidate in started:
        assert candidate.not_before <= NOW
        assert candidate.needs is READY
        assert candidate.hold is None
        assert candidate.window in (None, OPEN)
    skipped = [of[decision.run] for decision in found.decisions if isinstance(decision, Skip)]
    assert not any(candidate.begun for candidate in skipped if candidate.hold is None and candidate.needs is not FAILED)
    places = [index for index, decision in enumerate(found.decisions) if isinstance(decision, Start)]
    crowded = [
        index
        for index, decision in enumerate(found.decisions)
        if isinstance(decision, Wait) and decision.reason is Reason.CONCURRENCY
    ]
    assert not places or not crowded or max(places) < min(crowded)


def carried_out(found: Dispatch, waiting: list[Candidate], running: list[Running]) -> list[Candidate]:
    """Start and skip as decided, and return what still waits."""
    of = {candidate.run: candidate for candidate in waiting}
    running.extend(
        Running(decision.run, of[decision.run].task) for decision in found.decisions if isinstance(decision, Start)
    )
    return [of[decision.run] for decision in found.decisions if isinstance(decision, Wait)]


@given(st.lists(candidates, max_size=12, unique_by=lambda candidate: candidate.run), runnings, st.integers(1, 6))
@settings(max_examples=200, deadline=None)
def test_decide_once_all_wait_nothing_changes_before_the_wake(
    waiting: list[Candidate], running: list[Running], limit: int
) -> None:
    waiting = of_one_overlap_each(waiting)
    found = decide(waiting, running, limit, NOW)
    for _ in range(4):
        waiting = carried_out(found, waiting, running)
        found = decide(waiting, running, limit, NOW)
    assert all(isinstance(decision, Wait) for decision in found.decisions)
    assert found.wake is None or found.wake > NOW
    quiet = NOW + 499.0 if found.wake is None else (NOW + found.wake) / 2
    later = decide(waiting, running, limit, quiet).decisions
    assert [moved.run for moved in later] == [moved.run for moved in found.decisions]
    assert [moved.reason for moved in later if isinstance(moved, Wait)] == [
        moved.reason for moved in found.decisions if isinstance(moved, Wait)
    ]


def test_decide_a_thousand_pending_runs_takes_less_than_twenty_milliseconds() -> None:
    many = [
        pending(number, due=NOW - number % 7, rank=number % 3, window=OPEN, expected=float(number % 100))
        for number in range(1000)
    ]
    best = 1.0
    for _ in range(5):
        began = time.process_time()
        decide(many, (), 4, NOW)
        best = min(best, time.process_time() - began)
    assert best < 0.02
