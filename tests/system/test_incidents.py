"""An incident from the moment a threshold fires until somebody closes it, with a real agent."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.cli.incidents.telling import person
from tests.system.agent import AgentUnderTest, agent_in, wait_for

POLICY = """version: 1
tasks:
  clean: {action: command.run, with: {command: [touch, PLACE/cleaned]}}
thresholds:
  uptime:
    description: This host has been up for a while
    signal: uptime.seconds
    above: 1
    severity: critical
    runbook:
      - Look at it
      - {text: Clean up, run: clean}
"""


@pytest.fixture(scope="module")
def agent() -> Iterator[AgentUnderTest]:
    with tempfile.TemporaryDirectory(prefix="hk-", dir="/tmp") as place, agent_in(Path(place)) as made:
        made.policy(POLICY.replace("PLACE", str(made.place)))
        made.start()
        yield made


def incidents(agent: AgentUnderTest, *more: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(agent.command("incident", "list", "--json", *more).stdout)
    return found


def shown(agent: AgentUnderTest) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(agent.command("incident", "show", "1", "--json").stdout)
    return found


def test_threshold_that_fires_opens_an_incident_with_evidence(agent: AgentUnderTest) -> None:
    wait_for(lambda: bool(incidents(agent)) and bool(shown(agent)["exhibits"]))
    found = shown(agent)
    assert found["incident"]["subject"] == "uptime.seconds is above 1"
    kinds = [entry["kind"] for entry in found["timeline"]]
    assert kinds.index("policies") < kinds.index("fired") < kinds.index("exhibits")
    assert {one["name"] for one in found["exhibits"]} >= {"processes", "pressure", "network", "runs", "policies"}
    assert wait_for(lambda: agent.metric('hostkeeper_incidents{severity="critical",state="open"}')) == 1
    status = agent.command("status")
    assert status.returncode == 9
    assert "incident 1, critical, waits for somebody: uptime.seconds is above 1" in status.stdout


def test_incident_is_worked_through_and_closed(agent: AgentUnderTest) -> None:
    wait_for(lambda: bool(incidents(agent)))
    assert agent.command("incident", "ack", "1").returncode == 0
    assert agent.command("incident", "ack", "1").returncode == 5
    assert agent.command("incident", "note", "1", "it", "is", "the clock").returncode == 0
    assert agent.command("incident", "runbook", "1", "--step", "1").returncode == 0
    pressed(agent, "2q")
    assert (agent.place / "cleaned").exists()
    assert agent.command("incident", "note", "1", "").returncode == 2
    assert "  acknowledged  root: looks after it\n" in agent.command("incident", "show", "1").stdout.replace(
        person(), "root"
    )
    told = [(entry["kind"], entry["text"]) for entry in shown(agent)["timeline"] if entry["who"]]
    assert told[:3] == [
        ("acknowledged", "looks after it"),
        ("note", "it is the clock"),
        ("step", "step 1, Look at it: done by hand"),
    ]
    assert told[3][0] == "step"
    assert told[3][1].startswith("step 2, Clean up: run ")
    assert told[3][1].endswith(" of clean succeeded")
    assert wait_for(lambda: agent.metric('hostkeeper_incidents{severity="critical",state="acknowledged"}')) == 1
    closed = agent.command("incident", "close", "1", "--cause", "hosts are up")
    assert closed.stdout == "incident 1 is closed; its condition still fires\n"
    assert agent.command("incident", "close", "1", "--cause", "again").returncode == 5
    assert incidents(agent) == []
    assert [one["cause"] for one in incidents(agent, "--all")] == ["hosts are up"]
    assert agent.command("incident", "show", "7").returncode == 8


def test_report_is_a_page_that_loads_nothing(agent: AgentUnderTest) -> None:
    wait_for(lambda: bool(incidents(agent, "--all")))
    page = agent.place / "incident.html"
    told = agent.command("incident", "report", "1", "-o", str(page), "--json")
    assert json.loads(told.stdout)["incident"]["id"] == 1
    text = page.read_text()
    assert "uptime.seconds is above 1" in text
    assert "Top processes" in text
    assert "<script" not in text
    assert "src=" not in text
    assert page.stat().st_mode & 0o777 == 0o600


def pressed(agent: AgentUnderTest, keys: str) -> None:
    """Work through the runbook on a terminal, pressing keys."""
    leader, follower = pty.openpty()
    command = [sys.executable, "-I", "-m", "agent", "incident", "runbook", "1", *agent.arguments]
    process = subprocess.Popen(command, stdin=follower, stdout=follower)
    os.close(follower)
    seen = b""
    for key in keys:
        while not seen.rstrip().endswith(b"q to leave"):
            seen += os.read(leader, 4096)
        os.write(leader, key.encode())
        seen = b""
    assert process.wait(60) == 0
    os.close(leader)
