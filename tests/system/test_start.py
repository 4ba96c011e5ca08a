"""What an agent has loaded once it is ready after a start with unchanged policies, and what if the rest fails."""

from __future__ import annotations

import re
import socket
import subprocess
import sys

from agent.errors import ExitCode
from tests.system.agent import PATIENCE, AgentUnderTest
from tests.system.changes import policy

MOST_OF_OURS = 200
"""So many modules of the agent's own may be loaded by then. Whoever needs more loads what can come later later."""

LATER = {
    "agent.daemon.page": "the first request of a client",
    "agent.daemon.prober": "the first probe",
    "agent.daemon.web": "a web configuration, when the agent is ready",
    "agent.engine.collect": "nobody: the process that collects has it",
    "agent.engine.differing": "the first change of policies",
    "agent.host.exhibits": "nobody: the process that collects has it",
    "agent.host.http": "clients, when the agent is ready",
    "agent.host.units": "runs that are units",
    "agent.host.watch.notices": "edits, when the agent is ready",
    "agent.metrics.endpoints": "clients, when the agent is ready",
    "agent.policy.between": "the first mistake between files",
    "agent.rules.masking": "nobody: processes that show lines of logs have it",
    "agent.trigger.cron": "the first cron line",
    "calendar": "nobody",
    "cronsim": "the first cron line",
    "ctypes": "the first run",
    "dataclasses": "watchdog",
    "inspect": "dataclasses; typing_extensions, of which msgspec is not told",
    "pkgutil": "the first file to compile",
    "prometheus_client": "the first scrape that wants OpenMetrics",
    "psutil": "the first look at the host",
    "schedule": "the first turn of the loop",
    "shutil": "watchdog",
    "subprocess": "the first process",
    "watchdog": "edits, when the agent is ready",
}
"""What is loaded later, each with who needs it first."""


def loaded_when_ready(agent: AgentUnderTest) -> set[str]:
    """Start an agent, wait until it tells systemd that it is ready, end it, and return what it had imported by then."""
    told = str(agent.place / "systemd")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd, agent.log.open("wb") as log:
        systemd.bind(told)
        systemd.settimeout(PATIENCE)
        process = subprocess.Popen(
            [sys.executable, "-I", "-X", "importtime", "-m", "agent", "agent", *agent.arguments],
            stdin=subprocess.DEVNULL,
            stderr=log,
            env={"NOTIFY_SOCKET": told},
        )
        try:
            while b"READY=1" not in systemd.recv(4096):
                pass
        finally:
            process.terminate()
            process.wait(PATIENCE)
    before, in_force, _ = agent.log.read_text().partition(" in force: ")
    assert in_force, before
    return set(re.findall(r"^import time: +\d+ \| +\d+ \| +([\w.]+)$", before, re.MULTILINE))


def test_start_with_unchanged_policies_loads_only_what_makes_the_agent_ready(agent: AgentUnderTest) -> None:
    agent.policy(policy("first"))
    agent.start()
    agent.end()
    loaded = loaded_when_ready(agent)
    assert loaded & LATER.keys() == set()
    assert "agent.daemon.service" in loaded
    assert len([name for name in loaded if name.partition(".")[0] == "agent"]) <= MOST_OF_OURS


def test_agent_that_cannot_serve_what_it_listens_for_ends_as_with_any_bug(agent: AgentUnderTest) -> None:
    agent.policy(policy("first"))
    agent.start()
    agent.end()
    code = "import sys; sys.modules['agent.host.http'] = None; from agent.__main__ import main; sys.exit(main())"
    ended = subprocess.run(
        [sys.executable, "-I", "-c", code, "agent", *agent.arguments],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert ended.returncode == ExitCode.BUG, ended.stderr
    assert " in force: " in ended.stderr
    assert "nothing can be served" in ended.stderr
