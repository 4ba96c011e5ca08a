from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from agent.engine.submit import submit
from agent.errors import NotFound, StoreError
from agent.model.reasons import Reason
from agent.model.runs import MOVES, Origin, RunOutcome, RunState
from agent.store import Store
from tests.fakes import task

DUE = 1_772_366_400.0


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(str(tmp_path / "state")) as opened:
        yield opened


def pending(store: Store, name: str = "task", due: float = DUE, origin: Origin = Origin.SCHEDULE) -> int:
    run = submit(store, task(name), policy="p", origin=origin, due=due, now=due)
    assert run is not None
    return run.id


def move_to(store: Store, state: RunState) -> int:
    number = pending(store, due=DUE + len(store.runs.recent(1000)))
    paths = {
        RunState.PENDING: [],
        RunState.RUNNING: [RunState.RUNNING],
        RunState.SKIPPED: [RunState.SKIPPED],
        RunState.MISSED: [RunState.MISSED],
        RunState.SUCCEEDED: [RunState.RUNNING, RunState.SUCCEEDED],
        RunState.FAILED: [RunState.RUNNING, RunState.FAILED],
        RunState.INTERRUPTED: [RunState.RUNNING, RunState.INTERRUPTED],
        RunState.UNDONE: [RunState.RUNNING, RunState.FAILED, RunState.UNDONE],
        RunState.STUCK: [RunState.RUNNING, RunState.INTERRUPTED, RunState.STUCK],
    }
    was = RunState.PENDING
    for step in paths[state]:
        assert store.runs.advance(number, was, step)
        was = step
    return number


@pytest.mark.parametrize("was", RunState)
@pytest.mark.parametrize("to", RunState)
def test_advance_follows_the_table_and_nothing_else(store: Store, was: RunState, to: RunState) -> None:
    number = move_to(store, was)
    if to in MOVES[was]:
        assert store.runs.advance(number, was, to)
        assert store.runs.get(number).state is to
    else:
        with pytest.raises(StoreError, match="cannot move"):
            store.runs.advance(number, was, to)
        assert store.runs.get(number).state is was


def test_advance_from_a_state_it_has_left_changes_nothing(store: Store) -> None:
    number = move_to(store, RunState.RUNNING)
    assert not store.runs.advance(number, RunState.PENDING, RunState.SKIPPED)
    assert store.runs.get(number).state is RunState.RUNNING


def test_advance_keeps_the_first_reason(store: Store) -> None:
    number = move_to(store, RunState.RUNNING)
    store.runs.advance(number, RunState.RUNNING, RunState.FAILED, why=Reason.MAX_DURATION)
    store.runs.advance(number, RunState.FAILED, RunState.STUCK, why=Reason.UNDO_FAILED)
    assert store.runs.get(number).why == Reason.MAX_DURATION


@pytest.mark.parametrize(
    ("to", "kept"), [(RunState.FAILED, False), (RunState.SKIPPED, False), (RunState.SUCCEEDED, True)]
)
def test_advance_of_a_run_that_went_on_says_why_it_failed_and_not_what_had_interrupted_it(
    store: Store, to: RunState, kept: bool
) -> None:
    number = move_to(store, RunState.RUNNING)
    store.runs.advance(number, RunState.RUNNING, RunState.INTERRUPTED, why=Reason.AGENT_STOPPING)
    store.runs.advance(number, RunState.INTERRUPTED, RunState.RUNNING)
    store.runs.advance(number, RunState.RUNNING, to, why="" if kept else Reason.REPLACED)
    assert store.runs.get(number).why == (Reason.AGENT_STOPPING if kept else Reason.REPLACED)


def test_plan_that_was_refused_is_no_run_that_began_or_ended(store: Store) -> None:
    number = pending(store, origin=Origin.APPLY)
    store.runs.advance(number, RunState.PENDING, RunState.RUNNING, started=DUE)
    store.runs.advance(number, RunState.RUNNING, RunState.SKIPPED, why=Reason.WORLD_DRIFTED, ended=DUE + 1)
    assert (store.runs.begun_since("task", DUE), store.runs.last_end()) == ([], {})
    number = pending(store, due=DUE + 2, origin=Origin.APPLY)
    store.runs.advance(number, RunState.PENDING, RunState.RUNNING, started=DUE + 2)
    store.runs.advance(number, RunState.RUNNING, RunState.SUCCEEDED, ended=DUE + 3)
    assert (store.runs.begun_since("task", DUE), store.runs.last_end()) == ([DUE + 2], {"task": DUE + 3})


def test_create_for_a_due_time_that_has_a_run_makes_none(store: Store) -> None:
    pending(store)
    assert submit(store, task(), policy="p", origin=Origin.CATCH_UP, due=DUE, now=DUE) is None
    assert submit(store, task(), policy="p", origin=Origin.MANUAL, due=DUE, now=DUE) is not None


def test_claim_is_given_once(store: Store) -> None:
    number = pending(store)
    store.runs.advance(number, RunState.PENDING, RunState.RUNNING, attempt=1)
    first = store.runs.claim(number, 1, pid=7, pid_started=1.0, boot="b", on_interrupt="resume")
    second = store.runs.claim(number, 1, pid=8, pid_started=1.0, boot="b", on_interrupt="resume")
    assert first is not None and first.pid == 7
    assert second is None


def test_claim_of_an_earlier_attempt_is_refused(store: Store) -> None:
    number = pending(store)
    store.runs.advance(number, RunState.PENDING, RunState.RUNNING, attempt=2)
    assert store.runs.claim(number, 1, pid=7, pid_started=1.0, boot="b", on_interrupt="") is None


def test_advance_held_by_a_process_that_was_overtaken_changes_nothing(store: Store) -> None:
    number = pending(store)
    store.runs.advance(number, RunState.PENDING, RunState.RUNNING, attempt=1)
    before = store.runs.get(number)
    store.runs.claim(number, 1, pid=7, pid_started=1.0, boot="b", on_interrupt="")
    assert not store.runs.advance(number, RunState.RUNNING, RunState.INTERRUPTED, held_by=before)


def test_get_of_an_edited_row_names_it(store: Store) -> None:
    number = pending(store)
    store.connection.rows("UPDATE runs SET why = 'nothing' WHERE id = ?", (number,))
    with pytest.raises(StoreError, match=f"row {number} of table runs"):
        store.runs.get(number)


def test_get_of_no_run_says_how_to_list_them(store: Store) -> None:
    with pytest.raises(NotFound, match="hostkeeper history"):
        store.runs.get(99)


def test_two_connections_see_one_winner(store: Store) -> None:
    number = move_to(store, RunState.PENDING)
    with Store(store.directory) as other:
        assert other.runs.advance(number, RunState.PENDING, RunState.RUNNING)
        assert not store.runs.advance(number, RunState.PENDING, RunState.RUNNING)


def test_prune_keeps_the_latest_of_each_task_and_what_is_open(store: Store) -> None:
    for count in range(5):
        number = pending(store, due=DUE + count)
        store.runs.advance(number, RunState.PENDING, RunState.SKIPPED, ended=DUE + count)
    waiting = pending(store, due=DUE + 9)
    assert store.runs.prune(DUE + 100, DUE + 200, keep_per_task=2) == 4
    assert [run.id for run in store.runs.recent(10)] == [waiting, 5]


def test_durations_are_of_successes_only(store: Store) -> None:
    for seconds, end in ((10.0, RunState.SUCCEEDED), (99.0, RunState.FAILED)):
        number = pending(store, due=DUE + seconds)
        store.runs.advance(number, RunState.PENDING, RunState.RUNNING, started=DUE, attempt=1)
        store.runs.advance(number, RunState.RUNNING, end, ended=DUE + seconds)
    assert store.runs.durations("task") == [10.0]


def test_last_end_counts_runs_that_had_begun_and_have_ended(store: Store) -> None:
    for due, started, ended in ((1.0, 10.0, 20.0), (2.0, 30.0, 40.0), (3.0, None, 50.0), (4.0, 60.0, None)):
        number = pending(store, due=due)
        store.runs.advance(number, RunState.PENDING, RunState.RUNNING, started=started, ended=ended)
    pending(store, "other")
    assert store.runs.last_end() == {"task": 40.0}


def test_task_fails_whose_newest_run_that_was_not_skipped_ended_badly(store: Store) -> None:
    ends = (RunState.SUCCEEDED, RunState.FAILED, RunState.UNDONE, RunState.STUCK)
    for end in ends:
        number = pending(store, str(end))
        store.runs.advance(number, RunState.PENDING, RunState.RUNNING, started=DUE)
        store.runs.advance(number, RunState.RUNNING, RunState.FAILED, ended=DUE)
        again = pending(store, str(end), due=DUE + 1)
        store.runs.advance(again, RunState.PENDING, RunState.RUNNING, started=DUE)
        if end in (RunState.UNDONE, RunState.STUCK):
            store.runs.advance(again, RunState.RUNNING, RunState.FAILED, ended=DUE)
            store.runs.advance(again, RunState.FAILED, end, ended=DUE)
        else:
            store.runs.advance(again, RunState.RUNNING, end, ended=DUE)
        skipped = pending(store, str(end), due=DUE + 2)
        store.runs.advance(skipped, RunState.PENDING, RunState.SKIPPED, ended=DUE)
        pending(store, str(end), due=DUE + 3)
    assert store.runs.failing() == {str(end) for end in ends[1:]}


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_last_end_and_success_are_of_what_ended_last_whatever_the_clock_said(
    store: Store, order: Sequence[int]
) -> None:
    runs = [(pending(store, due=DUE + number), instant) for number, instant in enumerate((9.0, 8.0, 7.0))]
    for number, ended in [runs[place] for place in order]:
        store.runs.advance(number, RunState.PENDING, RunState.RUNNING, started=ended)
        store.runs.advance(number, RunState.RUNNING, RunState.SUCCEEDED, ended=ended)
    assert store.runs.last_end() == {"task": runs[order[-1]][1]}
    assert store.runs.last_success() == {"task": runs[order[-1]][1]}


def test_recent_goes_back_page_by_page(store: Store) -> None:
    numbers = [pending(store, name, DUE + at) for at in range(4) for name in ("one", "other")]
    newest = store.runs.recent(3)
    assert [run.id for run in newest] == numbers[:-4:-1]
    assert [run.id for run in store.runs.recent(9, before=newest[-1].id)] == numbers[-4::-1]
    assert [run.id for run in store.runs.recent(2, "one", before=numbers[4])] == [numbers[2], numbers[0]]


def test_ends_by_quarter_counts_each_way_of_ending(store: Store) -> None:
    for ended, state in ((DUE + 1, RunState.SUCCEEDED), (DUE + 899, RunState.SUCCEEDED), (DUE + 900, RunState.FAILED)):
        store.runs.amend(move_to(store, state), ended=ended)
    pending(store, "open")
    assert store.runs.ends_by_quarter(DUE) == [(DUE, RunOutcome.SUCCEEDED, 2), (DUE + 900, RunOutcome.FAILED, 1)]
    assert store.runs.ends_by_quarter(DUE + 900) == [(DUE + 900, RunOutcome.FAILED, 1)]
