"""`hostkeeper findings`, as a process of its own."""

from __future__ import annotations

import json

from agent.errors import ExitCode
from agent.model.findings import Finding
from agent.model.policies import Severity
from agent.store import Store
from tests.cli.policy import good
from tests.system.agent import AgentUnderTest

FOUND = [
    Finding(
        task="watch-logs",
        id=f"template-{number}",
        severity=severity,
        subject="/var/log/app.log",
        sentence="a message that was never seen before: \x1b[31mdisk <*> failed",
        remedy="read it",
        samples=("disk 1 failed\n  at block 5",),
        first_seen=1_772_366_400.0,
        last_seen=1_772_366_400.0,
    )
    for number, severity in enumerate((Severity.INFO, Severity.CRITICAL))
]


def test_findings_are_listed_shown_and_forgotten(agent: AgentUnderTest) -> None:
    good(agent.command("run", "hello"))
    assert good(agent.command("findings")).strip() == "no findings"
    with Store(str(agent.state)) as store:
        store.findings.found(FOUND)
    lines = good(agent.command("findings")).splitlines()
    assert [line.split()[0] for line in lines] == ["finding", "template-1", "template-0"]
    assert "\\x1b[31mdisk <*> failed" in lines[1]
    assert [one["id"] for one in json.loads(good(agent.command("findings", "--json")))] == ["template-1", "template-0"]
    assert json.loads(good(agent.command("findings", "--task", "other", "--json"))) == []
    whole = good(agent.command("findings", "template-0"))
    assert "  | disk 1 failed\n  |   at block 5" in whole
    assert "what to do: read it" in whole
    assert agent.command("findings", "template-9").returncode == ExitCode.NOT_FOUND
    good(agent.command("findings", "--forget", "template-1"))
    assert "template-1" not in good(agent.command("findings"))
