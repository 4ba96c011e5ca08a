"""`hostkeeper replay` over the history of a real Prometheus server."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.agent import AgentUnderTest
from tests.system.prometheus.servers import Prometheus, prometheus

BEGAN = (int(time.time()) // 60 - 240) * 60
USED = [0.5] * 60 + [0.95] * 30 + [0.5] * 30
"""A number for each minute."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A server with two hours of history, four hours ago, of two agents."""
    place = tmp_path_factory.mktemp("history") / "server"
    place.mkdir()
    lines = ["# TYPE hostkeeper_host_disk_used_ratio gauge"]
    for instance, least in (("a:9750", 0.0), ("b:9750", 0.99)):
        labels = f'{{instance="{instance}",job="hostkeeper",mountpoint="/"}}'
        lines += [
            f"hostkeeper_host_disk_used_ratio{labels} {max(used, least)} {BEGAN + 60 * minute}"
            for minute, used in enumerate(USED)
        ]
    (place / "history.txt").write_text("\n".join([*lines, "# EOF\n"]))
    blocks = ["promtool", "tsdb", "create-blocks-from", "openmetrics", str(place / "history.txt"), str(place / "data")]
    subprocess.run(blocks, check=True, capture_output=True)
    with prometheus(place, {}) as running:
        yield running


@pytest.fixture
def agent(tmp_path: Path, server: Prometheus) -> AgentUnderTest:
    made = AgentUnderTest(tmp_path)
    made.settings("sample_every: 1m\n")
    query = 'max by (mountpoint) (hostkeeper_host_disk_used_ratio{instance="a:9750"})'
    made.policy(f"""version: 1
probes:
  used: {{prometheus: {{url: "http://{server.address}", query: '{query}'}}, every: 1m}}
thresholds:
  full: {{signal: disk.used_percent, labels: {{mountpoint: /}}, above: 90, for: 5m}}
  asked: {{signal: used.value, above: 0.9}}
""")
    return made


def replayed(agent: AgentUnderTest, server: Prometheus, *more: str) -> list[dict[str, object]]:
    done = agent.command("replay", "--since", "6h", "--prometheus", f"http://{server.address}", "--json", *more)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, object]] = json.loads(done.stdout)
    return found


def test_threshold_fires_over_what_the_server_scraped_of_this_agent(agent: AgentUnderTest, server: Prometheus) -> None:
    (one,) = replayed(agent, server, "full", "--instance", "a:9750")
    assert one["series"] == {"mountpoint": "/"}
    outcome = one["outcome"]
    assert isinstance(outcome, dict)
    (episode,) = outcome["episodes"]
    assert abs(episode["fired"] - (BEGAN + 65 * 60)) <= 60
    assert abs(episode["cleared"] - (BEGAN + 90 * 60)) <= 60
    assert episode["worst"] == 95.0


def test_threshold_on_a_probe_of_the_server_replays_its_own_query(agent: AgentUnderTest, server: Prometheus) -> None:
    (one,) = replayed(agent, server, "asked")
    outcome = one["outcome"]
    assert isinstance(outcome, dict)
    assert [episode["worst"] for episode in outcome["episodes"]] == [0.95]


def test_series_of_several_agents_have_to_be_told_apart(agent: AgentUnderTest, server: Prometheus) -> None:
    done = agent.command("replay", "full", "--since", "6h", "--prometheus", f"http://{server.address}")
    assert done.returncode == 4
    assert "name one with --instance" in done.stderr


def test_agent_that_the_server_does_not_know_has_no_numbers(agent: AgentUnderTest, server: Prometheus) -> None:
    (one,) = replayed(agent, server, "full", "--instance", "c:9750")
    assert one["outcome"] is None
