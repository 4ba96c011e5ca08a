"""Every query of the shipped dashboard returns numbers in a real Prometheus that scrapes a real agent."""

from __future__ import annotations

import json
import math
import os
import time
from pathlib import Path
from typing import Any

import pytest

from tests.system.agent import AgentUnderTest, wait_for
from tests.system.prometheus.secured import Secured
from tests.system.prometheus.servers import Prometheus, prometheus, scrape, watching

DASHBOARD = Path(__file__).resolve().parents[3] / "examples" / "grafana" / "hostkeeper.json"
VARIABLES = {"$instance": ".*", "$task": ".*", "$__rate_interval": "1m", "$__range": "5m"}

EVERYTHING_HAPPENS = """
version: 1
repositories: {{local: {{tar: {{path: {place}/backups}}}}}}
windows:
  once: {{opens: "0 0 1 1 *", lasts: 1m}}
tasks:
  works: {{schedule: every 2 seconds, action: command.run, with: {{command: ["true"]}}}}
  fails: {{schedule: every 3 seconds, action: command.run, with: {{command: ["false"], undo: ["true"]}}}}
  skips: {{schedule: every 3 seconds, action: command.run, with: {{command: [sh, -c, "exit 3"], skip_codes: [3]}}}}
  waits: {{schedule: every 2 seconds, window: once, action: command.run, with: {{command: ["true"]}}}}
  breaks:
    {{schedule: every 2 seconds, at_most: {{times: 1, per: 1d}}, action: command.run, with: {{command: ["true"]}}}}
  refuses:
    schedule: every 3 seconds
    action: files.retain
    with: {{paths: [{place}/many], max_age: 1d}}
    limits: {{items: 1}}
  saves:
    schedule: every 3 seconds
    action: backup.create
    with: {{repository: local, sources: [{{path: {place}/many}}], verify: deep, keep: {{last: 3}}}}
  drills: {{schedule: every 3 seconds, action: backup.drill, with: {{repository: local, task: saves}}}}
  cleans: {{schedule: every 3 seconds, action: files.retain, with: {{paths: [{place}/few], max_age: 1d}}}}
thresholds:
  fires: {{signal: memory.used_percent, above: 0.01, for: 1s, run: [works]}}
  pends: {{signal: memory.used_percent, above: 0.01, for: 1h}}
"""


def expressions() -> list[tuple[str, str]]:
    """Return the title of the panel of each query, and the query with its variables filled in."""
    dashboard = json.loads(DASHBOARD.read_text())
    panels = [panel for panel in dashboard["panels"] if "targets" in panel]
    found = [(panel["title"], filled(target["expr"])) for panel in panels for target in panel["targets"]]
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            inner, _, label = variable["definition"].removeprefix("label_values(").removesuffix(")").rpartition(", ")
            found.append((variable["name"], f"count by ({label}) ({filled(inner)})"))
    return found


def filled(expression: str) -> str:
    for name, value in VARIABLES.items():
        expression = expression.replace(name, value)
    assert "$" not in expression
    return expression


def old_files(directory: Path, count: int) -> None:
    directory.mkdir()
    for number in range(count):
        (directory / str(number)).write_text("x")
        os.utime(directory / str(number), (time.time() - 10 * 86400,) * 2)


def without_numbers(server: Prometheus) -> list[str]:
    """Return the queries that have no number to show."""
    missing = []
    for title, expression in expressions():
        if not any(math.isfinite(value) for _, value in server.query(expression)):
            missing.append(f"{title}: {expression}")
    return missing


@pytest.mark.slow
def test_every_panel_has_numbers_to_show(agent: AgentUnderTest) -> None:
    old_files(agent.place / "many", 5)
    old_files(agent.place / "few", 3)
    secured = Secured(agent)
    agent.policy(EVERYTHING_HAPPENS.format(place=agent.place))
    agent.start(ready=False)
    config = watching(scrape("hostkeeper", secured.address, **secured.scheme()))
    with prometheus(agent.place / "prometheus", config) as server:
        server.wait('up{job="hostkeeper"} == 1')
        left: list[str] = []

        def all_have() -> bool:
            left[:] = without_numbers(server)
            return not left

        try:
            wait_for(all_have, 90.0)
        except AssertionError:
            pytest.fail("no numbers for\n" + "\n".join(left))


def test_dashboard_asks_for_something_in_every_panel() -> None:
    dashboard: dict[str, Any] = json.loads(DASHBOARD.read_text())
    panels = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    assert len(panels) > 30
    assert all(panel["targets"] for panel in panels)
