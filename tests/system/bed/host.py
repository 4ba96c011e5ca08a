"""A bed with the agent of this checkout installed as its unit wants it; each test gets a pristine one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tests.system.agent import wait_for
from tests.system.bed import program
from tests.system.bed.machine import Bed

UNIT = "hostkeeper.service"
STATE = "/var/lib/hostkeeper"
POLICIES = "/etc/hostkeeper/policies.d"
METRICS = "/run/hostkeeper/metrics.sock"
COMMAND = "/usr/bin/hostkeeper"
SYSTEMD = program.ROOT / "systemd"

_COMMAND = """\
#!/usr/bin/python3 -I
import sys
from agent.__main__ import main
sys.exit(main())
"""
_SCRAPE = """\
import socket, sys
with socket.socket(socket.AF_UNIX) as client:
    client.settimeout(10)
    client.connect(sys.argv[1])
    client.sendall(f"GET {sys.argv[2]} HTTP/1.1\\r\\nHost: agent\\r\\nConnection: close\\r\\n\\r\\n".encode())
    sys.stdout.write(b"".join(iter(lambda: client.recv(65536), b"")).decode())
"""
_READ = """\
import json, sqlite3, sys
store = sqlite3.connect(sys.argv[1], uri=True, timeout=30)
print(json.dumps(store.execute("SELECT id, task, state, why, ended FROM runs ORDER BY id DESC").fetchall()))
"""


class Recorded(NamedTuple):
    """What the store has of a run."""

    id: int
    task: str
    state: str
    why: str
    ended: float | None


class Host:
    """An installed agent that is not started. What it is to do is written with `policy` and `settings`."""

    def __init__(self, bed: Bed) -> None:
        self.bed = bed
        self.run, self.out = bed.run, bed.out
        bed.write(*program.search_path(bed.suite))
        bed.write(COMMAND, _COMMAND, mode=0o755)
        bed.write(f"/etc/systemd/system/{UNIT}", (SYSTEMD / UNIT).read_text(encoding="utf-8"))
        bed.path(POLICIES).mkdir(parents=True)
        self.settings()
        self.policy("version: 1\n", "empty.yaml")
        bed.run("systemctl", "daemon-reload")

    def settings(self, text: str = "sample_every: 1s\ngrace: 5s\n") -> None:
        """Write agent.yaml; metrics go to a socket."""
        self.bed.write("/etc/hostkeeper/agent.yaml", f"metrics: {{listen: 'unix:{METRICS}'}}\n{text}", mode=0o600)

    def policy(self, text: str, name: str = "policy.yaml") -> None:
        """Write a policy file."""
        self.bed.write(f"{POLICIES}/{name}", text)

    def start(self) -> None:
        """Start the unit; returns when the agent says that it is ready."""
        self.run("systemctl", "start", UNIT)

    def shown(self, name: str, unit: str = UNIT) -> str:
        """Return a property of a unit."""
        return self.out("systemctl", "show", "--property", name, "--value", unit)

    def pid(self) -> int:
        """Return the main process of the unit, 0 when there is none."""
        return int(self.shown("MainPID"))

    def get(self, path: str, socket: str = METRICS) -> tuple[int, str]:
        """Return status and body of a page of the agent; 0 when it does not answer."""
        done = self.run("python3", "-c", _SCRAPE, socket, path, check=False)
        head, _, body = done.stdout.partition("\n\n")  # the pipe is read as text, with line ends of one kind
        return (int(head.split()[1]), body) if head else (0, "")

    def metric(self, name: str) -> float | None:
        """Return the number of a series, named as on the page."""
        lines = self.get("/metrics")[1].splitlines()
        return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{name} ")), None)

    def journal(self, *match: str) -> list[dict[str, Any]]:
        """Return the entries of the journal that match, oldest first."""
        self.run("journalctl", "--sync")
        lines = self.out("journalctl", "--quiet", "--output", "json", "--all", *match).splitlines()
        return [json.loads(line) for line in lines]

    def command(self, *arguments: str, check: bool = True) -> str:
        """Run a command of the command line, and return what it printed on both its outputs."""
        done = self.run(COMMAND, *arguments, check=check)
        return done.stdout + done.stderr

    def history(self) -> list[dict[str, Any]]:
        """Return all runs, newest first, as `hostkeeper history --json` has them."""
        found = json.loads(self.out(COMMAND, "history", "--json", "--limit", "10000"))
        return list(found["runs"] if isinstance(found, dict) else found)

    def recorded(self) -> list[Recorded]:
        """Return all runs, newest first, at a fraction of what `hostkeeper history` costs; none before a first one."""
        if not self.bed.path(f"{STATE}/hostkeeper.db").exists():
            return []
        lines = json.loads(self.out("python3", "-I", "-S", "-c", _READ, f"file:{STATE}/hostkeeper.db?mode=ro"))
        return [Recorded(*line) for line in lines]

    def wait_for_run(self, task: str, *states: str) -> dict[str, Any]:
        """Return the latest run of a task once it is in one of some states."""

        def found() -> int | None:
            run = next((run for run in self.recorded() if run.task == task), None)
            return run.id if run is not None and run.state in states else None

        number = wait_for(found, saying=f"for {task} to be {' or '.join(states)}")
        return next(run for run in self.history() if run["id"] == number)


def host_up(suite: str, packages: Sequence[str] = (), more_binds: dict[str | Path, str] | None = None) -> Host:
    """Boot a bed of a suite with the agent in it; the caller takes `host.bed` down."""
    bed = Bed.up(suite, {**program.binds(suite), **(more_binds or {})}, packages)
    try:
        return Host(bed)
    except BaseException:
        bed.down()
        raise
