"""The status page of a real agent: what it shows, and what showing it costs the agent."""

from __future__ import annotations

import os

from tests.system.agent import AgentUnderTest, wait_for

POLICY = """version: 1
tasks:
  greet: {description: Says hello, action: command.run, with: {command: [echo, hello]}}
  broken: {action: command.run, with: {command: [sh, -c, "echo hush; exit 3"]}}
thresholds:
  busy: {signal: load.1m, above: 1000000}
"""

VIEWS = 1000
GROWTH = 2 << 20
"""Bytes by which the agent may have grown after so many views."""


def resident(agent: AgentUnderTest) -> int:
    assert agent.process is not None
    with open(f"/proc/{agent.process.pid}/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_page_shows_what_the_agent_does(agent: AgentUnderTest) -> None:
    agent.policy(POLICY)
    agent.start()
    wait_for(lambda: "All is well" in agent.get("/")[1])
    wait_for(lambda: ">load 1m <b>" in agent.get("/")[1], saying="for the first measurement")
    assert agent.command("run", "greet").returncode == 0
    assert agent.command("run", "broken").returncode != 0
    page = wait_for(lambda: found if "1 thing needs attention" in (found := agent.get("/")[1]) else None)
    assert "the command exited with code 3" in page
    assert "hush" not in page
    assert agent.get("/?task=greet")[0] == 200
    assert agent.get("/?run=1")[0] == 200
    assert agent.get("/?run=3")[0] == 404
    agent.policy("version: 2\n")
    wait_for(lambda: "The policy files have mistakes" in agent.get("/")[1])
    assert agent.metric('hostkeeper_http_requests_total{path="/",status="404"}') == 1


def test_page_costs_the_agent_next_to_nothing(agent: AgentUnderTest) -> None:
    agent.policy(POLICY)
    agent.start()
    # The first of everything is paid for once: the thread, the buffers, the metrics.
    for _ in range(3):
        wait_for(lambda: agent.get("/")[0] == 200)
        agent.get("/metrics")
    before = resident(agent)
    for number in range(VIEWS):
        assert agent.get(f"/?run={number // 100}")[0] in (200, 404)
    assert resident(agent) - before < GROWTH
    assert agent.get("/healthz")[0] == 200
    lag = agent.metric("hostkeeper_loop_lag_seconds")
    assert lag is not None and lag < 1
    assert agent.end() == 0
