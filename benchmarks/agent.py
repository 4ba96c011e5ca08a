"""An agent to be measured: started in a directory, followed to its readiness, ended."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.cpu import cpu_seconds

READY_WITHIN = 120
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Measured:
    """A running agent, and the seconds after which it was ready."""

    pid: int
    ready: float

    def cpu(self) -> float:
        """Return the processor seconds of the agent and of its ended children; the latter come in hundredths."""
        with open(f"/proc/{self.pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return cpu_seconds(self.pid) + (int(fields[13]) + int(fields[14])) / TICKS

    def resident_mb(self) -> float:
        """Return the memory that the agent holds, in MiB."""
        with open(f"/proc/{self.pid}/status", encoding="ascii") as status:
            found = re.search(r"VmRSS:\s+(\d+) kB", status.read())
        return int(found[1]) / 1024 if found else float("nan")


@contextmanager
def agent_with(place: Path, settings: str = "", metrics: str = "") -> Iterator[Measured]:
    """Start an agent on the directories `policies` and `state` of a place; end it afterwards.

    `metrics` is where and how it serves them, as YAML; without it, on a socket in the place.
    """
    config, log, path = place / "agent.yaml", place / "log", f"{place}/notify.sock"
    metrics = metrics or f"{{listen: 'unix:{place}/metrics.sock'}}"
    text = f"metrics: {metrics}\n{settings}"
    if not config.exists() or config.read_text() != text:
        # Settings that were written are compiled anew, so a start on unchanged ones must find them as they were.
        config.write_text(text)
    where = ["--policies", f"{place}/policies", "--state", f"{place}/state", "--config", str(config)]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard, log.open("ab") as output:
        heard.bind(path)
        heard.settimeout(READY_WITHIN)
        begun = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-I", "-m", "agent", "agent", *where],
            stdin=subprocess.DEVNULL,
            stderr=output,
            env={**os.environ, "NOTIFY_SOCKET": path},
        )
        try:
            while b"READY=1" not in heard.recv(4096):
                pass
            yield Measured(process.pid, time.perf_counter() - begun)
        finally:
            process.terminate()
            process.wait()
            os.unlink(path)
