"""A store that somebody else keeps locked: the agent waits, says so, and goes on where it was."""

from __future__ import annotations

import apsw
import pytest

from agent.model.runs import RunState
from agent.store.connection import BUSY_TIMEOUT_MS, DATABASE_NAME
from tests.system.agent import AgentUnderTest, wait_for

EVERY_SECOND = """version: 1
tasks:
  often: {schedule: every 1 seconds, overlap: queue, action: command.run, with: {command: ["true"], repeatable: true}}
"""


@pytest.mark.slow
def test_store_locked_for_longer_than_anybody_waits_loses_no_due_time(agent: AgentUnderTest) -> None:
    agent.policy(EVERY_SECOND)
    agent.start()
    wait_for(lambda: any(run.state is RunState.SUCCEEDED for run in agent.runs()))
    store = apsw.Connection(str(agent.state / DATABASE_NAME))
    store.set_busy_timeout(BUSY_TIMEOUT_MS)
    store.execute("BEGIN IMMEDIATE")
    wait_for(lambda: "database is locked" in agent.log.read_text())
    store.execute("ROLLBACK")
    store.close()
    last = agent.runs()[-1].due
    wait_for(lambda: any(run.due > last + 2 and run.state is RunState.SUCCEEDED for run in agent.runs()))
    dues = [run.due for run in agent.runs()]
    assert dues == [dues[0] + second for second in range(len(dues))]
