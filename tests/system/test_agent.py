"""The agent as its user meets it: started, doing, told, stopped."""

from __future__ import annotations

import json
import signal

from agent.errors import ExitCode
from agent.host import proc
from agent.model.reasons import Reason
from agent.model.runs import Origin, RunState
from tests.system.agent import AgentUnderTest, wait_for

EVERY_SECOND = """version: 1
tasks:
  hello:
    schedule: every 1 seconds
    action: command.run
    with: {command: [echo, hello]}
"""
SLOW = """version: 1
tasks:
  slow:
    action: command.run
    with: {command: [sleep, "100"]}
    max_duration: 1s
"""


def test_scheduled_task_runs_and_is_told(agent: AgentUnderTest) -> None:
    agent.policy(EVERY_SECOND)
    agent.start()
    wait_for(lambda: len([run for run in agent.runs() if run.state is RunState.SUCCEEDED]) >= 3)
    assert (agent.metric('hostkeeper_runs_total{outcome="succeeded",task="hello"}') or 0) >= 2
    status = agent.command("status")
    assert status.returncode == ExitCode.OK, status.stdout
    assert "hello" in status.stdout
    assert agent.end() == 0
    dues = [run.due for run in agent.runs()]
    assert len(dues) == len(set(dues))
    assert agent.command("status").returncode == ExitCode.UNHEALTHY


def test_threshold_that_trips_starts_its_task(agent: AgentUnderTest) -> None:
    agent.policy(
        "version: 1\n"
        "tasks:\n"
        "  react: {action: command.run, with: {command: [echo, reacted]}}\n"
        "thresholds:\n"
        "  always: {signal: uptime.seconds, above: 0, for: 1s, run: [react]}\n"
    )
    agent.start()
    run = wait_for(lambda: next((run for run in agent.runs() if run.state is RunState.SUCCEEDED), None))
    assert (run.task, run.origin, run.cause) == ("react", Origin.THRESHOLD, "always")
    wait_for(lambda: agent.metric('hostkeeper_threshold_firing{threshold="always"}') == 1)


def test_second_agent_on_the_same_state_leaves_at_once_with_its_own_code(agent: AgentUnderTest) -> None:
    agent.policy(EVERY_SECOND)
    agent.start()
    second = agent.command("agent")
    assert second.returncode == ExitCode.ALREADY_RUNNING
    assert "another agent" in second.stderr


def test_run_past_its_duration_is_ended_and_leaves_nothing(agent: AgentUnderTest) -> None:
    agent.policy(SLOW)
    done = agent.command("run", "slow", "--json")
    assert done.returncode == ExitCode.RUN_FAILED
    run = agent.runs()[0]
    assert (run.state, run.why) == (RunState.FAILED, Reason.MAX_DURATION)


def test_run_without_an_agent_reports_its_output(agent: AgentUnderTest) -> None:
    agent.policy(EVERY_SECOND)
    done = agent.command("run", "hello", "--json")
    assert done.returncode == ExitCode.OK
    assert json.loads(done.stdout)["steps"][0]["output"] == "hello\n"


def test_bad_policies_at_the_first_start_leave_the_agent_up(agent: AgentUnderTest) -> None:
    agent.policy("version: 1\ntasks: {hello: {action: command.rum}}\n")
    agent.start(ready=False)
    unready = wait_for(lambda: page if (page := agent.get("/readyz"))[0] and "starting" not in page[1] else None)
    assert unready == (503, "the policy files have mistakes, and no set was ever in force\n")
    assert agent.metric("hostkeeper_policies_valid") == 0
    status = agent.command("status")
    assert status.returncode == ExitCode.UNHEALTHY
    assert "did you mean command.run?" in status.stdout
    agent.policy(EVERY_SECOND)
    wait_for(agent.is_ready)
    wait_for(lambda: agent.metric("hostkeeper_policies_valid") == 1)


def test_restart_with_bad_policies_keeps_the_last_good_ones(agent: AgentUnderTest) -> None:
    agent.policy(EVERY_SECOND)
    agent.start()
    good = agent.digest()
    agent.end()
    agent.policy("version: 1\ntasks: {hello: {action: command.rum}}\n")
    agent.start()
    assert agent.digest() == good
    count = len(agent.runs())
    wait_for(lambda: len(agent.runs()) > count)


def test_stop_waits_for_the_run_to_reach_its_end(agent: AgentUnderTest) -> None:
    agent.policy(
        "version: 1\n"
        "tasks:\n"
        "  slow:\n"
        "    schedule: every 1 seconds\n"
        "    overlap: skip\n"
        "    action: command.run\n"
        "    with: {command: [sleep, '100'], repeatable: true}\n"
    )
    agent.start()
    wait_for(lambda: any(run.pid for run in agent.runs()))
    assert agent.end(signal.SIGTERM) == 0
    run = next(run for run in agent.runs() if run.pid)
    assert (run.state, run.why) == (RunState.INTERRUPTED, Reason.AGENT_STOPPING)


def test_agent_that_is_killed_leaves_its_run_at_work_and_one_that_is_buried_nothing(agent: AgentUnderTest) -> None:
    agent.policy(SLOW.replace("max_duration: 1s", "schedule: every 1 seconds"))
    agent.start()
    wait_for(lambda: agent.of_runs() or None)
    agent.end(signal.SIGKILL)
    assert agent.of_runs()
    agent.start()
    assert agent.process is not None
    seen = [*proc.descendants([agent.process.pid]), *agent.of_runs()]
    agent.bury()
    assert [one for one in seen if proc.same(one.pid, one.started)] == []


def test_agent_that_replaces_a_run_by_the_next_does_not_call_the_task_failed(agent: AgentUnderTest) -> None:
    agent.policy(
        "version: 1\n"
        "tasks:\n"
        "  slow:\n"
        "    schedule: every 1 seconds\n"
        "    overlap: replace\n"
        "    action: command.run\n"
        "    with: {command: [sleep, '100'], undo: [echo, undone]}\n"
    )
    agent.start()
    wait_for(lambda: agent.metric('hostkeeper_runs_total{outcome="replaced",task="slow"}'))
    ended = [(run.state, run.why) for run in agent.runs() if run.ended is not None and run.started is not None]
    assert set(ended) <= {(RunState.UNDONE, Reason.REPLACED), (RunState.FAILED, Reason.REPLACED)}
    assert agent.metric('hostkeeper_task_failing{task="slow"}') == 0
    assert agent.metric('hostkeeper_runs_total{outcome="failed",task="slow"}') == 0
