"""Alerts as they are shipped, from a real agent over a real Prometheus to a real Alertmanager, and their end."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.system.agent import AgentUnderTest, wait_for
from tests.system.prometheus.servers import Alertmanager, alertmanager, free_port, prometheus, scrape, watching

EXAMPLES = Path(__file__).resolve().parents[3] / "examples" / "prometheus"
PATIENCE = 60.0

POLICY = """
version: 1
tasks:
  clean:
    schedule: every 1 seconds
    action: command.run
    with: {command: ["true"]}
    at_most: {times: 1, per: 1d}
"""


def hurried(place: Path) -> list[str]:
    """Copy the rules to a place with shorter waits, and nothing else changed; return the files."""
    files = []
    for name in ("recording.yml", "alerts.yml"):
        rules, count = re.subn(
            r"^( *)(for|interval): [0-9]+[smhd]$", r"\1\2: 1s", (EXAMPLES / name).read_text(), flags=re.M
        )
        assert count
        (place / name).write_text(rules)
        files.append(str(place / name))
    return files


def fires(server: Alertmanager, name: str) -> dict[str, str]:
    """Wait until an alert has reached the Alertmanager; return its annotations."""
    alert = wait_for(lambda: server.active().get(name), PATIENCE, f"for {name} to fire")
    return dict(alert["annotations"])


def ends(server: Alertmanager, name: str) -> None:
    """Wait until the Alertmanager has heard that an alert is over."""
    wait_for(lambda: name not in server.active(), PATIENCE, f"for {name} to end")


@pytest.mark.slow
def test_alerts_reach_an_alertmanager_and_end_when_the_cause_is_mended(agent: AgentUnderTest) -> None:
    address = f"127.0.0.1:{free_port()}"
    agent.settings("sample_every: 1s\n", listen=address)
    agent.policy(POLICY)
    agent.start(ready=False)
    with alertmanager(agent.place / "alertmanager", EXAMPLES / "alertmanager.yml") as told:
        alerting = {"alertmanagers": [{"static_configs": [{"targets": [told.address]}]}]}
        config = watching(scrape("hostkeeper", address), rule_files=hurried(agent.place), alerting=alerting)
        with prometheus(agent.place / "prometheus", config) as server:
            server.wait('up{job="hostkeeper"} == 1')
            assert "`hostkeeper release-hold clean`" in fires(told, "HostkeeperBreakerOpen")["next"]
            agent.policy(POLICY.replace("1 seconds", "1 days"))
            rarer = agent.checked()
            wait_for(lambda: agent.digest() == rarer, saying="for runs that are too many no more")
            assert agent.command("release-hold", "clean").returncode == 0
            ends(told, "HostkeeperBreakerOpen")

            agent.policy("version: 1\ntasks: {clean: {acton: files.retain}}\n")
            assert "`hostkeeper check`" in fires(told, "HostkeeperPoliciesInvalid")["next"]
            agent.policy("version: 1\n")
            ends(told, "HostkeeperPoliciesInvalid")

            assert agent.end() == 0
            assert "`systemctl status hostkeeper`" in fires(told, "HostkeeperDown")["next"]
            agent.start(ready=False)
            ends(told, "HostkeeperDown")
            assert told.active() == {}
