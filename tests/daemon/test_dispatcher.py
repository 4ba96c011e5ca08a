from __future__ import annotations

from datetime import UTC

import pytest

from agent.daemon.dispatcher import Dispatcher
from agent.engine.agenda import Agenda
from agent.engine.submit import submit
from agent.engine.supervise import Supervisor
from agent.model.actions import OnInterrupt
from agent.model.policies import Overlap, PolicySet, Position, Retry, Task, Window
from agent.model.reasons import Reason
from agent.model.runs import Origin, Run, RunState
from agent.store import Store
from tests.fakes import FakeClock, FakeLauncher, task

NIGHT = Window("night", "0 2 * * *", 3600.0, "UTC", Position("p", 1, 1))
HOUR = 3600.0


class House:
    """A dispatcher over fakes; the clock starts at noon UTC."""

    def __init__(self, store: Store, *tasks: Task, limit: int = 4, launcher: FakeLauncher | None = None) -> None:
        self.store, self.clock, self.launcher = store, FakeClock(), launcher or FakeLauncher()
        self.ended: list[Run] = []
        self.supervisor = Supervisor(store, self.launcher, self.clock, grace=10.0, boot="boot")
        self.dispatcher = Dispatcher(
            store, self.supervisor, self.clock, limit, started=lambda _: None, ended=self.ended.append
        )
        self.put_in_force(*tasks)

    def put_in_force(self, *tasks: Task) -> None:
        policies = PolicySet("d", 1, {"night": NIGHT}, {t.name: t for t in tasks}, {})
        self.tasks = policies.tasks
        self.dispatcher.put_in_force(policies, Agenda(self.store, policies, UTC))

    @property
    def now(self) -> float:
        return self.clock.now().timestamp()

    def make(self, name: str, *, due: float | None = None, origin: Origin = Origin.SCHEDULE) -> int:
        run = submit(self.store, self.tasks[name], policy="d", origin=origin, due=due or self.now, now=self.now)
        assert run is not None
        self.dispatcher.add([run])
        return run.id

    def end(self, number: int, state: RunState = RunState.SUCCEEDED, why: str = "") -> None:
        """The process of a run does its work, writes its end and exits."""
        run = self.store.runs.get(number)
        self.store.runs.claim(number, run.attempt, pid=1, pid_started=1.0, boot="boot", on_interrupt="resume")
        if state is not RunState.INTERRUPTED:
            self.store.runs.advance(number, RunState.RUNNING, state, why=why, ended=self.now)
        self.launcher.children[number].end(0)
        self.dispatcher.settle(number)

    def state(self, number: int) -> tuple[RunState, str]:
        run = self.store.runs.get(number)
        return run.state, run.why


def test_dispatch_starts_no_more_than_the_limit(store: Store) -> None:
    house = House(store, *(task(f"t{n}") for n in range(5)), limit=2)
    numbers = [house.make(f"t{n}") for n in range(5)]
    house.dispatcher.dispatch()
    assert [n for n in numbers if house.state(n)[0] is RunState.RUNNING] == numbers[:2]
    house.end(numbers[0])
    house.dispatcher.dispatch()
    assert house.state(numbers[2])[0] is RunState.RUNNING
    assert house.dispatcher.waits[numbers[3]].reason is Reason.CONCURRENCY


def test_dispatch_outside_the_window_waits_for_its_opening(store: Store) -> None:
    house = House(store, task(window="night"))
    number = house.make("task")
    wake = house.dispatcher.dispatch()
    assert house.dispatcher.waits[number].reason is Reason.WINDOW_CLOSED
    assert wake == house.now + 14 * HOUR
    house.clock.advance(14 * HOUR)
    assert house.dispatcher.dispatch() == house.now + HOUR
    assert house.state(number)[0] is RunState.RUNNING


@pytest.mark.parametrize("origin", [Origin.THRESHOLD, Origin.MANUAL])
def test_dispatch_of_what_is_wanted_at_once_does_not_wait_for_the_window(store: Store, origin: Origin) -> None:
    house = House(store, task(window="night"))
    number = house.make("task", origin=origin)
    house.dispatcher.dispatch()
    assert house.state(number)[0] is RunState.RUNNING


@pytest.mark.parametrize("origin", [Origin.THRESHOLD, Origin.RETRY])
def test_run_that_waits_when_the_clock_is_put_back_does_not_wait_until_it_comes_there_again(
    store: Store, origin: Origin
) -> None:
    house = House(store, task("first"), task("second"), limit=1)
    first, second = house.make("first"), house.make("second", origin=origin)
    house.dispatcher.dispatch()
    house.clock.step(-90 * 24 * HOUR)
    house.dispatcher.dispatch()
    assert house.dispatcher.waits[second].reason is Reason.CONCURRENCY
    house.end(first)
    house.dispatcher.dispatch()
    assert house.state(second)[0] is RunState.RUNNING


def test_run_of_a_due_time_that_is_to_come_again_waits_for_it(store: Store) -> None:
    house = House(store, task())
    number = house.make("task")
    house.clock.step(-HOUR)
    assert house.dispatcher.dispatch() == house.now + HOUR
    house.clock.advance(HOUR)
    house.dispatcher.dispatch()
    assert house.state(number)[0] is RunState.RUNNING


def test_run_at_the_end_of_its_window_is_told_to_stop_and_goes_on_in_the_next(store: Store) -> None:
    house = House(store, task(window="night"))
    number = house.make("task")
    house.clock.advance(14 * HOUR)
    house.dispatcher.dispatch()
    house.clock.advance(HOUR)
    house.dispatcher.dispatch()
    assert house.launcher.children[number].asked == 1
    assert store.runs.get(number).stop == Reason.WINDOW_ENDED
    house.end(number, RunState.INTERRUPTED)
    house.dispatcher.dispatch()
    assert house.state(number) == (RunState.INTERRUPTED, Reason.WINDOW_ENDED)
    house.clock.advance(23 * HOUR)
    house.dispatcher.dispatch()
    assert house.state(number)[0] is RunState.RUNNING
    assert store.runs.get(number).attempt > 1


def test_work_that_will_not_fit_does_not_start(store: Store) -> None:
    house = House(store, task(window="night"))
    for _ in range(6):
        number = house.make("task", origin=Origin.MANUAL)
        house.dispatcher.dispatch()
        house.clock.advance(1800)
        house.end(number)
    house.clock.wall = house.clock.wall.replace(day=2, hour=2, minute=40)
    number = house.make("task")
    house.dispatcher.dispatch()
    assert house.dispatcher.waits[number].reason is Reason.WILL_NOT_FIT


@pytest.mark.parametrize("origin", [Origin.MANUAL, Origin.APPLY])
def test_failed_run_that_an_admin_asked_for_is_not_tried_again(store: Store, origin: Origin) -> None:
    house = House(store, task(retry=Retry(5, 0.0)))
    number = house.make("task", origin=origin)
    house.dispatcher.dispatch()
    house.end(number, RunState.FAILED, Reason.STEP_FAILED)
    House(store, *house.tasks.values()).dispatcher.owed_retries()
    assert len(store.runs.recent(10)) == 1


def test_overlap_replace_stops_the_running_one_and_takes_its_place(store: Store) -> None:
    house = House(store, task(overlap=Overlap.REPLACE, retry=Retry(3, 0.0)))
    old = house.make("task")
    house.dispatcher.dispatch()
    house.clock.advance(60)
    new = house.make("task")
    house.dispatcher.dispatch()
    assert store.runs.get(old).stop == Reason.REPLACED
    house.end(old, RunState.FAILED, Reason.REPLACED)
    house.dispatcher.dispatch()
    assert house.state(new)[0] is RunState.RUNNING
    assert [run.id for run in store.runs.recent(10)] == [new, old]


def test_failed_run_is_tried_again_after_its_delay_as_often_as_it_may(store: Store) -> None:
    house = House(store, task(retry=Retry(2, 300.0)))
    number = house.make("task")
    house.dispatcher.dispatch()
    house.end(number, RunState.FAILED, Reason.STEP_FAILED)
    wake = house.dispatcher.dispatch()
    assert wake == house.now + 300
    again = store.runs.recent(1)[0]
    assert (again.origin, again.tries, again.due) == (Origin.RETRY, 2, store.runs.get(number).due)
    house.clock.advance(300)
    house.dispatcher.dispatch()
    house.end(again.id, RunState.FAILED, Reason.STEP_FAILED)
    assert store.runs.recent(1)[0].id == again.id


def test_failed_run_is_tried_again_although_a_later_one_was_skipped_meanwhile(store: Store) -> None:
    house = House(store, task(retry=Retry(2, 300.0)))
    number = house.make("task")
    house.dispatcher.dispatch()
    house.clock.advance(60)
    later = house.make("task")
    house.dispatcher.dispatch()
    assert house.state(later) == (RunState.SKIPPED, Reason.OVERLAP)
    house.end(number, RunState.FAILED, Reason.STEP_FAILED)
    assert store.runs.recent(1)[0].origin is Origin.RETRY


def test_refused_run_is_not_tried_again(store: Store) -> None:
    house = House(store, task(retry=Retry(5, 0.0)))
    number = house.make("task")
    house.dispatcher.dispatch()
    house.end(number, RunState.FAILED, Reason.LIMIT_ITEMS)
    assert len(store.runs.recent(10)) == 1


def test_retry_that_a_dead_daemon_owes_is_made_once(store: Store) -> None:
    house = House(store, task(retry=Retry(2, 300.0)))
    number = house.make("task")
    house.dispatcher.dispatch()
    store.runs.advance(number, RunState.RUNNING, RunState.FAILED, why=Reason.STEP_FAILED, ended=house.now)
    after = House(store, *house.tasks.values())
    after.dispatcher.owed_retries()
    after.dispatcher.owed_retries()
    assert len(store.runs.recent(10)) == 2


def test_disabled_and_removed_tasks_are_skipped_with_their_reason(store: Store) -> None:
    house = House(store, task("a"), task("b"))
    a, b = house.make("a"), house.make("b")
    house.put_in_force(task("a", enabled=False))
    house.dispatcher.dispatch()
    assert house.state(a) == (RunState.SKIPPED, Reason.DISABLED)
    assert house.state(b) == (RunState.SKIPPED, Reason.REMOVED_FROM_POLICY)


def test_load_takes_up_what_an_earlier_daemon_left(store: Store) -> None:
    house = House(store, task("a"), task("b"))
    pending, interrupted = house.make("a"), house.make("b")
    store.runs.advance(interrupted, RunState.PENDING, RunState.RUNNING, attempt=1)
    store.runs.advance(interrupted, RunState.RUNNING, RunState.INTERRUPTED, on_interrupt=OnInterrupt.RESUME)
    after = House(store, *house.tasks.values())
    after.dispatcher.load()
    after.dispatcher.dispatch()
    assert sorted(after.supervisor.children) == [pending, interrupted]


def test_interrupted_run_is_gone_on_with_although_a_later_one_is_due(store: Store) -> None:
    house = House(store, task())
    first = house.make("task")
    house.dispatcher.dispatch()
    house.end(first, RunState.INTERRUPTED)
    house.clock.advance(60)
    second = house.make("task")
    house.dispatcher.dispatch()
    assert house.state(first)[0] is RunState.RUNNING
    assert house.state(second) == (RunState.SKIPPED, Reason.OVERLAP)


def test_interruption_of_a_run_is_logged(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    house = House(store, task())
    number = house.make("task")
    house.dispatcher.dispatch()
    with caplog.at_level("INFO"):
        house.end(number, RunState.INTERRUPTED)
    assert caplog.messages == [f"task task: run {number} interrupted ({house.state(number)[1]})"]


def test_add_of_a_run_that_was_missed_tells_of_its_end(store: Store) -> None:
    house = House(store, task("t"))
    number = house.make("t")
    house.store.runs.advance(number, RunState.PENDING, RunState.MISSED, ended=house.now)
    house.dispatcher.add([store.runs.get(number)])
    assert [run.id for run in house.ended] == [number]
