"""A store that somebody else keeps locked: the agent waits, says so, and goes on where it was."""

from __future__ import annotations

import signal

import pytest

from agent.model.reasons import Reason
from agent.model.runs import RunState
from tests.system.agent import PATIENCE, AgentUnderTest, wait_for

EVERY_SECOND = """version: 1
tasks:
  often: {schedule: every 1 seconds, overlap: queue, action: command.run, with: {command: ["true"], repeatable: true}}
"""

LONG = """version: 1
tasks: {long: {schedule: every 1 seconds, action: command.run, with: {command: [sleep, "1000"], repeatable: true}}}
"""


@pytest.mark.slow
def test_store_locked_for_longer_than_anybody_waits_loses_no_due_time(agent: AgentUnderTest) -> None:
    agent.policy(EVERY_SECOND)
    agent.start()
    wait_for(lambda: any(run.state is RunState.SUCCEEDED for run in agent.runs()))
    with agent.store_locked():
        wait_for(lambda: "database is locked" in agent.log.read_text())
    last = agent.runs()[-1].due
    wait_for(lambda: any(run.due > last + 2 and run.state is RunState.SUCCEEDED for run in agent.runs()))
    dues = [run.due for run in agent.runs()]
    assert dues == [dues[0] + second for second in range(len(dues))]


@pytest.mark.slow
def test_agent_asked_to_stop_while_its_store_is_locked_stops_its_runs_once_it_is_not(agent: AgentUnderTest) -> None:
    agent.policy(LONG)
    agent.start()
    wait_for(lambda: any(run.pid for run in agent.runs()))
    assert agent.process is not None
    with agent.store_locked():
        agent.process.send_signal(signal.SIGTERM)
        wait_for(lambda: "database is locked" in agent.log.read_text())
    assert agent.process.wait(PATIENCE) == 0
    assert agent.runs()[0].stop == Reason.AGENT_STOPPING
