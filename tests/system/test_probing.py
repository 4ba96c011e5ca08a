"""Probes from the policy to the metric: a threshold fires on what one measures, whatever is killed meanwhile."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.host import proc
from tests.probes.kinds.peers import answering, page, request, serving
from tests.system.agent import AgentUnderTest, agent_in, wait_for

FIRING = 'hostkeeper_threshold_firing{threshold="down"}'
UP = 'hostkeeper_probe_up{probe="home"}'
ERRORS = 'hostkeeper_probe_results_total{outcome="error",probe="home"}'


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[AgentUnderTest]:
    with agent_in(tmp_path) as agent:
        yield agent


def policy(port: int, more: str = "") -> str:
    return f"""
version: 1
probes:
  home: {{http: {{url: "http://127.0.0.1:{port}/", contains: Welcome}}, every: 1s, jitter: 0s}}
{more}
thresholds:
  down: {{signal: home.up, below: 1, severity: info}}
  unknown: {{signal: home.latency_seconds, above: 60, no_data: fail}}
"""


def prober_of(agent: AgentUnderTest) -> int:
    """Return the process id of an agent's prober."""
    assert agent.process is not None

    def found() -> int | None:
        assert agent.process is not None
        for pid in proc.children(agent.process.pid):
            try:
                words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if words[-2:-1] == [b"probe"]:
                return pid
        return None

    return wait_for(found, saying="for the prober")


def test_probe_that_goes_down_fires_its_threshold_and_clears_it_again(agent: AgentUnderTest) -> None:
    well = [True]

    def says(sock: socket.socket) -> None:
        request(sock)
        sock.sendall(page(b"Welcome" if well[0] else b"Fatal error"))

    with serving(says) as port:
        agent.policy(policy(port))
        agent.start()
        wait_for(lambda: agent.metric(UP) == 1 and agent.metric(FIRING) == 0)
        assert (agent.metric('hostkeeper_probe_http_latency_seconds{probe="home"}') or 0) > 0
        assert "probes in trouble" not in agent.command("status").stdout
        well[0] = False
        wait_for(lambda: agent.metric(FIRING) == 1)
        assert agent.metric('hostkeeper_probe_http_latency_seconds{probe="home"}') is None
        wait_for(lambda: "the body has not the text that is wanted" in agent.command("status").stdout)
        well[0] = True
        wait_for(lambda: agent.metric(FIRING) == 0)
    agent.end()


def test_prober_that_is_killed_is_begun_anew_and_its_probes_are_errors_meanwhile(agent: AgentUnderTest) -> None:
    with serving(answering(page(b"Welcome"))) as port:
        agent.policy(policy(port))
        agent.start()
        wait_for(lambda: agent.metric(UP) == 1)
        before = prober_of(agent)
        os.kill(before, signal.SIGKILL)
        wait_for(lambda: agent.metric(ERRORS) == 1)
        wait_for(lambda: agent.metric("hostkeeper_prober_restarts_total") == 1 and agent.metric(UP) == 1)
        assert prober_of(agent) != before
        assert "the prober is begun anew: it ended with signal 9, in 1 s" in agent.log.read_text()
        child = prober_of(agent)
        agent.end(signal.SIGKILL)
    wait_for(lambda: (seen := proc.look(child)) is None or seen.dead, saying="for the prober to end")


def test_prober_is_there_only_while_there_are_probes(agent: AgentUnderTest) -> None:
    agent.policy("version: 1\n")
    agent.start()
    assert agent.process is not None
    assert proc.children(agent.process.pid) == []
    with serving(answering(page(b"Welcome"))) as port:
        agent.policy(policy(port))
        wait_for(lambda: agent.metric(UP) == 1)
        agent.policy("version: 1\n")
        pid = agent.process.pid
        wait_for(lambda: agent.metric(UP) is None and not proc.children(pid))
    agent.end()


def test_trouble_of_probes_that_went_while_the_agent_was_down_is_told_no_longer(agent: AgentUnderTest) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    agent.policy(policy(port))
    agent.start()
    wait_for(lambda: "Connection refused" in agent.command("status").stdout)
    agent.end()
    agent.policy("version: 1\n")
    agent.start()
    assert "probes in trouble" not in agent.command("status").stdout
    agent.end()
