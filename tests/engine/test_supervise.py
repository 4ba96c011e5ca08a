from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from agent.engine.submit import submit
from agent.engine.supervise import MAX_FRUITLESS, TICKS, Supervisor
from agent.errors import RunFailed
from agent.model.actions import OnInterrupt
from agent.model.reasons import Reason
from agent.model.runs import Origin, Run, RunState
from agent.ports import Bounds
from agent.store import Store
from tests.fakes import FakeChild, FakeClock, FakeLauncher, task

TASK = task(max_duration=60.0)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(str(tmp_path / "state")) as opened:
        yield opened


class House:
    """A supervisor with fakes around it."""

    def __init__(self, store: Store) -> None:
        self.store, self.clock, self.launcher = store, FakeClock(), FakeLauncher()
        self.supervisor = Supervisor(store, self.launcher, self.clock, grace=10.0, boot="boot")

    def pending(self) -> Run:
        run = submit(self.store, TASK, policy="p", origin=Origin.MANUAL, due=1.0, now=1.0)
        assert run is not None
        return run

    def running(self, on_interrupt: OnInterrupt | None = OnInterrupt.RESUME) -> tuple[Run, FakeChild]:
        run = self.pending()
        assert self.supervisor.start(run, TASK) is not None
        if on_interrupt is not None:
            self.claim(run.id, on_interrupt)
        return self.store.runs.get(run.id), self.launcher.children[run.id]

    def claim(self, number: int, on_interrupt: OnInterrupt) -> None:
        attempt = self.launcher.started[-1][1]
        assert self.store.runs.claim(number, attempt, pid=5, pid_started=6.0, boot="boot", on_interrupt=on_interrupt)

    def lose(self, number: int) -> Run:
        self.launcher.children[number].end(-9)
        return self.supervisor.settle(number)


def test_start_of_a_pending_run_moves_it_and_launches_one_process(store: Store) -> None:
    house = House(store)
    run, _ = house.running()
    assert (run.state, run.attempt) == (RunState.RUNNING, 1)
    number, attempt, argv = house.launcher.started[0]
    assert (number, attempt) == (run.id, 1)
    assert argv[1:] == ("-I", "-m", "agent", "run-process", store.directory, str(run.id), "1")


def test_start_of_a_run_that_somebody_else_started_launches_nothing(store: Store) -> None:
    house = House(store)
    run = house.pending()
    house.supervisor.start(run, TASK)
    assert house.supervisor.start(run, TASK) is None
    assert len(house.launcher.started) == 1


def test_tick_past_max_duration_asks_then_kills(store: Store) -> None:
    house = House(store)
    run, child = house.running()
    assert house.supervisor.next_deadline() == house.clock.monotonic() + 60.0
    house.clock.advance(60.0)
    house.supervisor.tick()
    assert (child.asked, child.killed) == (1, 0)
    assert store.runs.get(run.id).stop == Reason.MAX_DURATION
    house.clock.advance(10.0)
    house.supervisor.tick()
    assert child.killed == 1


def test_settle_of_a_killed_run_past_its_duration_takes_it_back(store: Store) -> None:
    house = House(store)
    run, _ = house.running()
    house.supervisor.request_stop(run.id, Reason.MAX_DURATION)
    settled = house.lose(run.id)
    assert (settled.state, settled.why) == (RunState.FAILED, Reason.MAX_DURATION)
    assert house.launcher.started[-1][2][-1] == "undo"


@pytest.mark.parametrize(
    ("on_interrupt", "state", "undoes"),
    [
        (OnInterrupt.RESUME, RunState.INTERRUPTED, False),
        (OnInterrupt.UNDO, RunState.INTERRUPTED, True),
        (OnInterrupt.ASK, RunState.STUCK, False),
        (None, RunState.INTERRUPTED, False),
    ],
)
def test_settle_of_a_lost_run_follows_its_action(
    store: Store, on_interrupt: OnInterrupt | None, state: RunState, undoes: bool
) -> None:
    house = House(store)
    run, _ = house.running(on_interrupt)
    settled = house.lose(run.id)
    assert settled.state is state
    assert settled.why == Reason.KILLED
    assert (len(house.launcher.started) == 2) is undoes
    assert house.launcher.swept == [run.id]
    assert ("its process was lost once before a step was completed" in settled.detail) is (state is RunState.STUCK)


def test_settle_of_a_run_that_is_lost_again_and_again_is_stuck(store: Store) -> None:
    house = House(store)
    run, _ = house.running()
    for _ in range(MAX_FRUITLESS - 1):
        run = house.lose(run.id)
        assert run.state is RunState.INTERRUPTED
        house.supervisor.start(run, TASK)
        house.claim(run.id, OnInterrupt.RESUME)
    assert house.lose(run.id).state is RunState.STUCK


def test_settle_of_a_run_that_every_window_cuts_off_has_failed(store: Store) -> None:
    house = House(store)
    run, _ = house.running()
    for _ in range(MAX_FRUITLESS - 1):
        house.supervisor.request_stop(run.id, Reason.WINDOW_ENDED)
        assert house.lose(run.id).state is RunState.INTERRUPTED
        house.supervisor.start(store.runs.get(run.id), TASK)
        house.claim(run.id, OnInterrupt.RESUME)
    house.supervisor.request_stop(run.id, Reason.WINDOW_ENDED)
    ended = house.lose(run.id)
    assert (ended.state, ended.why) == (RunState.FAILED, Reason.WINDOW_ENDED)
    assert "5 times before a step was completed" in ended.detail
    assert ended.ended is not None


def test_settle_of_an_undo_that_keeps_dying_is_stuck(store: Store) -> None:
    house = House(store)
    run, _ = house.running(OnInterrupt.UNDO)
    for _ in range(2 * MAX_FRUITLESS):
        run = house.lose(run.id)
        if run.state is RunState.STUCK:
            break
    assert run.state is RunState.STUCK


def test_settle_leaves_a_process_that_was_too_slow_to_claim_nothing_to_claim(store: Store) -> None:
    house = House(store)
    run, _ = house.running(None)
    house.lose(run.id)
    assert store.runs.claim(run.id, 1, pid=5, pid_started=6.0, boot="boot", on_interrupt="resume") is None


def test_recover_adopts_the_living_and_settles_the_dead(store: Store) -> None:
    house = House(store)
    living, _ = house.running()
    dead, _ = house.running()
    store.runs.amend(living.id, pid=77, pid_started=8.0)
    after = House(store)
    after.launcher.alive[77, 8.0] = FakeChild(77)
    settled = after.supervisor.recover({"task": TASK})
    assert list(after.supervisor.children) == [living.id]
    assert [(run.id, run.state) for run in settled] == [(dead.id, RunState.INTERRUPTED)]


@pytest.mark.parametrize(("age", "asked"), [(59.0, 0), (61.0, 1)])
def test_recover_gives_an_adopted_process_no_more_time_than_it_has_left(store: Store, age: float, asked: int) -> None:
    run, _ = House(store).running()
    after = House(store)
    child = FakeChild(5, pid_started=(after.clock.monotonic() - age) * TICKS)
    after.launcher.alive[5, 6.0] = child
    after.supervisor.recover({"task": TASK})
    after.supervisor.tick()
    assert child.asked == asked
    assert bool(store.runs.get(run.id).stop) is bool(asked)


def test_recover_ends_a_process_that_was_asked_to_stop_before(store: Store) -> None:
    run, _ = House(store).running()
    store.runs.amend(run.id, stop=Reason.REPLACED)
    after = House(store)
    child = after.launcher.alive[5, 6.0] = FakeChild(5, pid_started=after.clock.monotonic() * TICKS)
    after.supervisor.recover({"task": TASK})
    assert child.asked == 1
    after.clock.advance(10.0)
    after.supervisor.tick()
    assert child.killed == 1


def test_settle_of_a_killed_run_past_its_duration_has_failed_though_its_action_asks(store: Store) -> None:
    house = House(store)
    run, _ = house.running(OnInterrupt.ASK)
    house.supervisor.request_stop(run.id, Reason.MAX_DURATION)
    assert house.lose(run.id).state is RunState.FAILED


def test_recover_after_a_reboot_trusts_no_process_id(store: Store) -> None:
    house = House(store)
    run, _ = house.running()
    store.runs.amend(run.id, boot="an earlier boot")
    after = House(store)
    after.launcher.alive[5, 6.0] = FakeChild(5)
    assert [r.id for r in after.supervisor.recover({"task": TASK})] == [run.id]


class _ClaimedMeanwhile(FakeLauncher):
    """While the first run is swept, the process of the other one claims it."""

    def __init__(self, store: Store, other: int) -> None:
        super().__init__()
        self.store, self.other = store, other

    def sweep(self, run: int) -> None:
        super().sweep(run)
        if run != self.other:
            self.alive[77, 8.0] = FakeChild(77)
            attempt = self.store.runs.get(self.other).attempt
            self.store.runs.claim(self.other, attempt, pid=77, pid_started=8.0, boot="boot", on_interrupt="ask")


def test_recover_of_a_run_that_is_claimed_this_moment_watches_its_process(store: Store) -> None:
    house = House(store)
    lost, _ = house.running()
    claimed, _ = house.running(None)
    launcher = _ClaimedMeanwhile(store, claimed.id)
    after = Supervisor(store, launcher, house.clock, grace=10.0, boot="boot")
    assert [run.id for run in after.recover({})] == [lost.id]
    assert launcher.swept == [lost.id]
    assert list(after.children) == [claimed.id]
    assert store.runs.get(claimed.id).state is RunState.RUNNING


def test_recover_of_an_undo_that_another_process_does_starts_no_second_one(store: Store) -> None:
    house = House(store)
    lost, _ = house.running()
    undone, _ = house.running(OnInterrupt.UNDO)
    house.lose(undone.id)
    launcher = _ClaimedMeanwhile(store, undone.id)
    after = Supervisor(store, launcher, house.clock, grace=10.0, boot="boot")
    assert [run.id for run in after.recover({})] == [lost.id]
    assert launcher.started == []
    assert list(after.children) == [undone.id]


def test_recover_of_one_task_leaves_the_others_alone(store: Store) -> None:
    house = House(store)
    house.running()
    assert House(store).supervisor.recover({}, strays=True, only="another") == []


def test_recover_of_strays_leaves_a_process_time_to_claim(store: Store) -> None:
    house = House(store)
    run, _ = house.running(None)
    after = House(store)
    assert after.supervisor.recover({}, strays=True) == []
    after.clock.advance(31.0)
    assert [r.id for r in after.supervisor.recover({}, strays=True)] == [run.id]


def test_sweep_ended_leaves_runs_alone_that_have_not_ended(store: Store) -> None:
    house = House(store)
    ours, _ = house.running()
    lost, _ = house.running()
    ended, _ = house.running()
    store.runs.advance(ended.id, RunState.RUNNING, RunState.SUCCEEDED, ended=2.0)
    del house.supervisor.children[lost.id], house.supervisor.children[ended.id]
    house.launcher.left = {ours.id, lost.id, ended.id, 99}
    house.supervisor.sweep_ended()
    assert sorted(house.launcher.swept) == [ended.id, 99]


def test_undo_that_cannot_be_started_for_want_of_a_process_is_tried_until_one_is_there(store: Store) -> None:
    house = House(store)
    run, _ = house.running(OnInterrupt.UNDO)
    launcher = _Spent()
    after = Supervisor(store, launcher, house.clock, grace=10.0, boot="boot")
    for _ in range(MAX_FRUITLESS + 1):
        with pytest.raises(RunFailed):
            after.recover({})
    launcher.spent = False
    assert [settled.state for settled in after.recover({})] == [RunState.INTERRUPTED]
    assert list(after.children) == [run.id]
    assert launcher.started[-1][2][-1] == "undo"


class _Spent(FakeLauncher):
    """A host that has no process to spare, for a while."""

    spent = True

    def start(self, run: int, attempt: int, argv: Sequence[str], bounds: Bounds) -> FakeChild:
        if self.spent:
            raise RunFailed("cannot start the process: Too many open files")
        return super().start(run, attempt, argv, bounds)
