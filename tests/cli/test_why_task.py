"""What `hostkeeper why` says of a task in each state of its newest run."""

from __future__ import annotations

import pytest

from agent.engine.submit import submit
from agent.model.reasons import Reason
from agent.model.runs import Origin, RunState
from agent.store import Store
from tests.cli.policy import good
from tests.fakes import task
from tests.system.agent import AgentUnderTest


@pytest.mark.parametrize(
    ("interrupted", "said"),
    [
        (False, "run 1 is pending and starts at once: nothing stood in its way\n"),
        (True, "run 1 is interrupted and starts at once: agent_stopping\n  The agent was stopped; "),
    ],
)
def test_why_of_a_task_whose_only_run_is_about_to_begin_says_so(
    agent: AgentUnderTest, interrupted: bool, said: str
) -> None:
    with Store(str(agent.state)) as store:
        made = submit(store, task("tidy"), policy="p", origin=Origin.MANUAL, due=1.0, now=1.0)
        assert made is not None
        if interrupted:
            store.runs.advance(made.id, RunState.PENDING, RunState.RUNNING, started=1.0)
            store.runs.advance(made.id, RunState.RUNNING, RunState.INTERRUPTED, why=Reason.AGENT_STOPPING)
    assert good(agent.command("why", "tidy")).startswith(said)
