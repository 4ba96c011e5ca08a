from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from agent.engine.execute import Execution
from agent.engine.submit import submit
from agent.errors import Refused, RunFailed
from agent.model.actions import OnInterrupt, Outcome, Preview, Step
from agent.model.reasons import Reason
from agent.model.runs import Origin, Run, RunState, StepState
from agent.ports import StopRequested
from agent.store import Store
from tests.fakes import FakeClock, task


@dataclass
class World:
    """Something that steps change: a list of what has been done and not been undone."""

    done: list[str] = field(default_factory=list)

    def step(self, name: str, *, undo: bool = True, fails: Exception | None = None) -> Step:
        def do() -> Outcome:
            if name not in self.done:
                self.done.append(name)
            if fails is not None:
                raise fails
            return Outcome(facts={"name": name}, counts={Reason.TOO_OLD: 2}, output="out")

        def take_back() -> None:
            if name in self.done:
                self.done.remove(name)

        return Step(
            name=name,
            do=do,
            preview=lambda _: Preview(name),
            undo=take_back if undo else None,
            irreversible="" if undo else "what is gone is gone",
        )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(str(tmp_path / "state")) as opened:
        yield opened


def running(store: Store) -> Run:
    run = submit(store, task(), policy="p", origin=Origin.MANUAL, due=1.0, now=1.0)
    assert run is not None
    number = run.id
    store.runs.advance(number, RunState.PENDING, RunState.RUNNING, started=1.0, attempt=1)
    claimed = store.runs.claim(number, 1, pid=1, pid_started=1.0, boot="b", on_interrupt="")
    assert claimed is not None
    return claimed


def execution(store: Store, run: Run, *steps: Step, on_interrupt: OnInterrupt = OnInterrupt.RESUME) -> Execution:
    return Execution(store, FakeClock(), run, steps, on_interrupt)


def test_perform_of_good_steps_succeeds_and_journals_them(store: Store) -> None:
    world, run = World(), running(store)
    assert execution(store, run, world.step("a"), world.step("b")).perform() is RunState.SUCCEEDED
    assert world.done == ["a", "b"]
    records = store.steps.of(run.id)
    assert [(r.name, r.state, r.output) for r in records] == [
        ("a", StepState.DONE, "out"),
        ("b", StepState.DONE, "out"),
    ]
    assert records[0].facts == '{"name": "a", "count.too_old": 2}'
    assert store.runs.get(run.id).ended is not None


@pytest.mark.parametrize("step", [-7200.0, 7200.0])
def test_run_takes_as_long_as_it_took_although_the_clock_was_set(store: Store, step: float) -> None:
    clock = FakeClock()
    world, run = World(), replace(running(store), started=clock.seconds())

    def work() -> Outcome:
        clock.advance(30)
        clock.step(step)
        return Outcome()

    steps = (replace(world.step("a"), do=work),)
    assert Execution(store, clock, run, steps, OnInterrupt.RESUME).perform() is RunState.SUCCEEDED
    assert store.runs.durations(run.task) == [30.0]


@pytest.mark.parametrize("step", [-7200.0, 7200.0])
@pytest.mark.parametrize("fails", [RunFailed("no"), StopRequested()])
def test_run_that_fails_or_is_stopped_takes_as_long_as_it_took_although_the_clock_was_set(
    store: Store, step: float, fails: Exception
) -> None:
    clock = FakeClock()
    world, run = World(), replace(running(store), started=clock.seconds())
    store.runs.amend(run.id, started=clock.seconds(), stop=Reason.REPLACED)

    def work() -> Outcome:
        clock.advance(30)
        clock.step(step)
        raise fails

    assert Execution(store, clock, run, (replace(world.step("a"), do=work),), OnInterrupt.RESUME).perform()
    ended = store.runs.get(run.id)
    assert (ended.ended or 0.0) - (ended.started or 0.0) == 30.0


@pytest.mark.parametrize("place", range(4))
def test_perform_with_a_failing_step_undoes_all_begun_backwards(store: Store, place: int) -> None:
    world, run = World(), running(store)
    steps = [world.step(str(n), fails=RunFailed("no") if n == place else None) for n in range(4)]
    assert execution(store, run, *steps).perform() is RunState.UNDONE
    assert world.done == []
    ended = store.runs.get(run.id)
    assert (ended.state, ended.why, ended.detail) == (RunState.UNDONE, Reason.STEP_FAILED, f"{place}: no")
    assert [r.state for r in store.steps.of(run.id)] == [StepState.UNDONE] * (place + 1)


def test_perform_of_a_step_that_fails_with_a_name_that_is_no_text_says_so(store: Store) -> None:
    world, run = World(), running(store)
    steps = [world.step("a"), world.step("b", fails=RunFailed("/srv/\udcff\x1b: no"))]
    assert execution(store, run, *steps).perform() is RunState.UNDONE
    assert store.runs.get(run.id).detail == "b: /srv/\\udcff\\x1b: no"
    assert store.steps.of(run.id)[1].state is StepState.UNDONE


def test_perform_of_an_irreversible_step_that_fails_says_what_cannot_be_taken_back(store: Store) -> None:
    world, run = World(), running(store)
    steps = [world.step("gone", undo=False), world.step("b", fails=OSError("disk"))]
    assert execution(store, run, *steps).perform() is RunState.FAILED
    ended = store.runs.get(run.id)
    assert ended.detail == "b: disk; gone cannot be taken back: what is gone is gone"
    assert ended.ended is not None


def test_perform_of_a_refusal_fails_with_its_reason(store: Store) -> None:
    world, run = World(), running(store)
    step = world.step("a", undo=False, fails=Refused(Reason.LIMIT_ITEMS, "too many"))
    assert execution(store, run, step).perform() is RunState.FAILED
    assert store.runs.get(run.id).why == Reason.LIMIT_ITEMS


@pytest.mark.parametrize(("before", "state"), [((), RunState.SKIPPED), (("gone",), RunState.FAILED)])
def test_perform_of_a_plan_that_is_refused_is_no_failure_unless_something_was_done(
    store: Store, before: tuple[str, ...], state: RunState
) -> None:
    world, run = World(), replace(running(store), origin=Origin.APPLY)
    steps = [world.step(name, undo=False) for name in before]
    refused = world.step("a", undo=False, fails=Refused(Reason.LIMIT_ITEMS, "too many"))
    assert execution(store, run, *steps, refused).perform() is state
    assert store.runs.get(run.id).why == Reason.LIMIT_ITEMS


def test_perform_of_a_bug_keeps_its_trace(store: Store) -> None:
    world, run = World(), running(store)
    assert execution(store, run, world.step("a", undo=False, fails=KeyError("x"))).perform() is RunState.FAILED
    assert "Traceback" in store.steps.of(run.id)[0].error


def test_perform_of_a_failing_undo_is_stuck(store: Store) -> None:
    run = running(store)

    def burst() -> None:
        raise OSError("cannot")

    step = Step(name="a", do=_raise(RunFailed("no")), preview=lambda _: Preview("a"), undo=burst)
    assert execution(store, run, step).perform() is RunState.STUCK
    ended = store.runs.get(run.id)
    assert ended.why == Reason.STEP_FAILED
    assert "cannot" in ended.detail


def _raise(error: Exception) -> Callable[[], Outcome]:
    def do() -> Outcome:
        raise error

    return do


def test_perform_of_a_step_that_says_skip_ends_as_skipped(store: Store) -> None:
    run = running(store)
    step = Step(name="a", do=lambda: Outcome(skipped=Reason.COMMAND_SAYS_SKIP), preview=lambda _: Preview("a"))
    assert execution(store, run, step).perform() is RunState.SKIPPED
    assert store.runs.get(run.id).why == Reason.COMMAND_SAYS_SKIP


def test_perform_again_goes_on_after_what_is_done(store: Store) -> None:
    world, run = World(), running(store)
    store.steps.write(run.id, 0, "a", StepState.DONE, started=1.0, ended=2.0)
    store.steps.write(run.id, 1, "b", StepState.DOING, started=1.0)
    assert execution(store, run, world.step("a"), world.step("b")).perform() is RunState.SUCCEEDED
    assert world.done == ["b"]


class _LostWhenItEnds(FakeClock):
    """A clock that a process looks at for the third time when it writes how its run has ended."""

    looks = 0

    def now(self) -> datetime:
        self.looks += 1
        if self.looks > 2:
            raise KeyboardInterrupt
        return super().now()


def test_perform_again_after_a_step_that_said_skip_still_ends_as_skipped(store: Store) -> None:
    world, run = World(), running(store)
    says_skip = Step(name="a", do=lambda: Outcome(skipped=Reason.COMMAND_SAYS_SKIP), preview=lambda _: Preview("a"))
    steps = (says_skip, world.step("b"))
    lost = Execution(store, _LostWhenItEnds(), run, steps, OnInterrupt.RESUME)
    with pytest.raises(KeyboardInterrupt):
        lost.perform()
    assert execution(store, run, *steps).perform() is RunState.SKIPPED
    assert world.done == []


def test_perform_again_with_another_plan_refuses_to_go_on(store: Store) -> None:
    world, run = World(), running(store)
    store.steps.write(run.id, 0, "old", StepState.DONE, started=1.0, ended=2.0)
    assert execution(store, run, world.step("new", undo=False)).perform() is RunState.FAILED
    assert store.runs.get(run.id).why == Reason.CANNOT_RESUME


@pytest.mark.parametrize(
    ("stop", "on_interrupt", "undo", "state"),
    [
        (Reason.WINDOW_ENDED, OnInterrupt.RESUME, True, RunState.INTERRUPTED),
        (Reason.AGENT_STOPPING, OnInterrupt.RESUME, True, RunState.INTERRUPTED),
        (Reason.AGENT_STOPPING, OnInterrupt.UNDO, True, RunState.UNDONE),
        (Reason.AGENT_STOPPING, OnInterrupt.ASK, False, RunState.STUCK),
        (Reason.MAX_DURATION, OnInterrupt.RESUME, True, RunState.UNDONE),
        (Reason.MAX_DURATION, OnInterrupt.RESUME, False, RunState.FAILED),
        (Reason.REPLACED, OnInterrupt.ASK, False, RunState.FAILED),
        ("", OnInterrupt.RESUME, True, RunState.INTERRUPTED),
    ],
)
def test_perform_that_is_asked_to_stop_ends_as_the_reason_and_the_action_say(
    store: Store, stop: str, on_interrupt: OnInterrupt, undo: bool, state: RunState
) -> None:
    world, run = World(), running(store)
    store.runs.amend(run.id, stop=stop)
    steps = [world.step("a", undo=undo), world.step("b", undo=undo, fails=StopRequested())]
    assert execution(store, run, *steps, on_interrupt=on_interrupt).perform() is state
    ended = store.runs.get(run.id)
    assert ended.state is state
    assert (ended.ended is None) is (state is RunState.INTERRUPTED)
    assert ended.fruitless == 0
    if state is RunState.UNDONE:
        assert world.done == []


def test_perform_that_its_window_ends_before_any_step_is_done_counts_as_fruitless(store: Store) -> None:
    world, run = World(), running(store)
    store.runs.amend(run.id, stop=Reason.WINDOW_ENDED)
    execution(store, run, world.step("a", fails=StopRequested())).perform()
    assert store.runs.get(run.id).fruitless == 1
