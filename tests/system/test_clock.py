"""The clock of a real agent is set, or the agent stands still for a while: no due time is lost, none has two runs."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time

import pytest

from agent.model.reasons import Reason
from agent.model.runs import Origin, Run, RunState
from agent.model.signals import ConditionState
from agent.rules.calendar import TOLERANCE
from agent.rules.condition_json import load_state
from agent.store import Store
from tests.system.agent import AgentUnderTest, wait_for
from tests.system.clock import ShiftedClock

DAY = 86400.0
EVERY_SECOND = """version: 1
tasks:
  often:
    schedule: {every: 1 seconds, catch_up: %s}
    overlap: queue
    action: command.run
    with: {command: ["true"], repeatable: true}
"""
NOTICED = "the wall clock was set by"


@pytest.fixture
def clock(agent: AgentUnderTest) -> ShiftedClock:
    return ShiftedClock(agent.place)


def started(agent: AgentUnderTest, clock: ShiftedClock, catch_up: bool = True) -> None:
    agent.policy(EVERY_SECOND % str(catch_up).lower())
    agent.start(environment=clock.environment)
    wait_for(lambda: ended(agent) >= 2)


def ended(agent: AgentUnderTest) -> int:
    return sum(run.ended is not None for run in agent.runs())


def set_and_noticed(agent: AgentUnderTest, clock: ShiftedClock, seconds: float) -> None:
    noticed = agent.log.read_text().count(NOTICED)
    clock.step(seconds)
    wait_for(lambda: agent.log.read_text().count(NOTICED) > noticed)


def live_until(agent: AgentUnderTest, instant: float) -> list[Run]:
    """Wait until a due time after an instant has been handled, and return all runs by due time."""
    wait_for(lambda: any(run.due > instant for run in agent.runs()))
    return sorted(agent.runs(), key=lambda run: run.due)


def test_library_shifts_the_wall_clock_alone(agent: AgentUnderTest, clock: ShiftedClock) -> None:
    look = "import time; print(time.time(), time.monotonic(), time.clock_gettime(time.CLOCK_BOOTTIME))"
    clock.step(-2 * DAY)
    clock.step(DAY)
    before = (clock.now(), time.monotonic(), time.clock_gettime(time.CLOCK_BOOTTIME))
    environment = {**os.environ, **clock.environment}
    done = subprocess.run([sys.executable, "-I", "-c", look], env=environment, stdout=subprocess.PIPE, check=True)
    for was, seen in zip(before, map(float, done.stdout.split()), strict=True):
        assert was <= seen < was + 30


def test_host_that_was_suspended_takes_no_time_from_a_run_at_work(agent: AgentUnderTest, clock: ShiftedClock) -> None:
    done = agent.place / "done"
    agent.policy(
        "version: 1\n"
        "tasks:\n"
        "  slow:\n"
        "    schedule: every 1 seconds\n"
        "    overlap: skip\n"
        "    max_duration: 10m\n"
        "    action: command.run\n"
        f"    with: {{command: [sh, -c, 'until test -e {done}; do sleep 0.1; done']}}\n"
    )
    agent.start(environment=clock.environment)
    run = wait_for(lambda: next((run for run in agent.runs() if run.pid is not None), None))
    with Store(str(agent.state), read_only=True) as store:
        wait_for(lambda: store.steps.of(run.id) or None)
        clock.suspend(DAY)
        # What wakes up with the host is behind the agent once it has decided of a run that fell due after that.
        awake = clock.now() + 1
        wait_for(lambda: any(later.due > awake and later.ended for later in agent.runs()))
        done.touch()
        wait_for(lambda: agent.metric('hostkeeper_run_duration_seconds_count{task="slow"}'))
        ended = store.runs.get(run.id)
        assert (ended.state, ended.stop) == (RunState.SUCCEEDED, "")
        assert '"suspended_seconds": 86' in store.steps.of(run.id)[0].facts
        assert 0 < store.runs.durations("slow")[0] < DAY / 2
    assert (agent.metric('hostkeeper_run_duration_seconds_sum{task="slow"}') or DAY) < DAY / 2


@pytest.mark.slow
def test_clock_set_back_runs_nothing_twice_and_goes_on_at_once(agent: AgentUnderTest, clock: ShiftedClock) -> None:
    started(agent, clock)
    set_and_noticed(agent, clock, -3.0)
    again = clock.now()
    dues = [run.due for run in live_until(agent, clock.now() + 4)]
    assert dues == [dues[0] + second for second in range(len(dues))]
    # An hour back, and nobody has been there yet: its seconds have a run each.
    set_and_noticed(agent, clock, -3600.0)
    began = clock.now()
    wait_for(lambda: sum(began < run.due < again - 60 for run in agent.runs()) >= 3)
    assert re.search(r"^agent +up for [0-9.]+m?s,", agent.command("status", environment=clock.environment).stdout, re.M)
    lived = sorted(run.due for run in agent.runs() if run.due < again - 60)
    assert lived == [lived[0] + second for second in range(len(lived))]
    assert lived[0] <= began + 2


@pytest.mark.parametrize("catch_up", [True, False])
def test_clock_set_ahead_makes_up_for_what_it_jumped_over_once(
    agent: AgentUnderTest, clock: ShiftedClock, catch_up: bool
) -> None:
    started(agent, clock, catch_up)
    last = agent.runs()[-1].due
    set_and_noticed(agent, clock, 40 * DAY)
    runs = live_until(agent, clock.now())
    after = [run for run in runs if run.due > last + DAY]
    missed = [run for run in after if run.state is RunState.MISSED]
    dues = [run.due for run in after if run not in missed]
    assert dues == [dues[0] + second for second in range(len(dues))]
    assert clock.now() - dues[0] >= TOLERANCE - 1
    assert {run.origin for run in after if run not in missed} == {Origin.SCHEDULE}
    assert [(run.why, run.due) for run in missed] == ([] if catch_up else [(Reason.DUE_WHILE_DOWN, dues[0] - 1)])
    assert all(run.due <= last + 3 or run in after for run in runs)


@pytest.mark.slow
def test_clock_set_ahead_and_back_while_the_agent_is_down_loses_nothing_after(
    agent: AgentUnderTest, clock: ShiftedClock
) -> None:
    started(agent, clock)
    set_and_noticed(agent, clock, 40 * DAY)
    live_until(agent, clock.now())
    agent.end(signal.SIGKILL)
    clock.set(0)
    agent.start(environment=clock.environment)
    began = clock.now()
    wait_for(lambda: sum(began < run.due < began + DAY for run in agent.runs()) >= 3)
    dues = [run.due for run in agent.runs()]
    assert len(dues) == len(set(dues))
    lived = sorted(due for due in dues if began <= due < began + DAY)
    assert lived == [lived[0] + second for second in range(len(lived))]
    assert lived[0] <= began + 1


@pytest.mark.slow
def test_clock_set_back_before_the_agent_is_killed_loses_nothing_although_it_did_not_notice(
    agent: AgentUnderTest, clock: ShiftedClock
) -> None:
    started(agent, clock)
    assert agent.process is not None
    agent.process.send_signal(signal.SIGSTOP)
    clock.step(-40 * DAY)
    began = clock.now()
    time.sleep(2)
    agent.end(signal.SIGKILL)
    agent.start(environment=clock.environment)
    wait_for(lambda: sum(began < run.due < began + DAY for run in agent.runs()) >= 5)
    assert NOTICED not in agent.log.read_text()
    lived = sorted(run.due for run in agent.runs() if began < run.due < began + DAY)
    assert lived == [lived[0] + second for second in range(len(lived))]
    assert lived[0] <= began + 1


@pytest.mark.slow
def test_agent_that_stood_still_runs_what_fell_due_meanwhile(agent: AgentUnderTest, clock: ShiftedClock) -> None:
    started(agent, clock)
    assert agent.process is not None
    agent.process.send_signal(signal.SIGSTOP)
    # Time that is slept through is no change of the clock: both clocks go on.
    time.sleep(3)
    agent.process.send_signal(signal.SIGCONT)
    dues = [run.due for run in live_until(agent, clock.now() + 1)]
    assert dues == [dues[0] + second for second in range(len(dues))]
    assert NOTICED not in agent.log.read_text()


def test_violation_lasts_no_longer_when_the_clock_is_set_ahead(agent: AgentUnderTest, clock: ShiftedClock) -> None:
    agent.policy("version: 1\nthresholds:\n  up: {signal: uptime.seconds, above: 1, for: 100s}\n")
    agent.start(environment=clock.environment)

    def pending(since: float) -> ConditionState | None:
        """Return the state of the threshold once its violation has lasted since an instant later than that."""
        with Store(str(agent.state), read_only=True) as store:
            found = [load_state(text) for text in store.conditions.all().values()]
        return next((state for state in found if state.since is not None and state.since > since), None)

    before = wait_for(lambda: pending(0.0)).since or 0.0
    set_and_noticed(agent, clock, 200.0)
    after = wait_for(lambda: pending(before))
    assert after.since == pytest.approx(before + 200, abs=1.0)
    assert after.fired_at is None
