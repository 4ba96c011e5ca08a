from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.errors import ExitCode
from agent.store import Store
from tests.report.month import POLICY, Month, now
from tests.system.agent import AgentUnderTest, agent_in, wait_for


@pytest.fixture(scope="package")
def host() -> Iterator[AgentUnderTest]:
    """A host with policies in force, a month of history, and no agent at work."""
    with tempfile.TemporaryDirectory(prefix="hk-", dir="/tmp") as place, agent_in(Path(place)) as agent:
        agent.policy(POLICY)
        agent.start()
        wait_for(lambda: agent.facts().get("valid"))
        agent.end()
        with Store(str(agent.state)) as store:
            Month(store, now()).write()
        yield agent


@pytest.fixture(scope="package")
def report(host: AgentUnderTest) -> Path:
    """The report of that month as a file."""
    path = host.place / "report.html"
    done = host.command("report", "--output", str(path))
    assert done.returncode == ExitCode.OK, done.stderr
    return path
