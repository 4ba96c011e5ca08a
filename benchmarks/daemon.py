"""The daemon alone: how soon it is ready, how much memory it holds, how late a thousand tasks due at once are started.

No peer does the same, so the third column is the goal itself: milliseconds, bytes. How soon the agent is ready depends
on how fast the host is. So that is held against a yardstick too: how long it takes, on the same host and in turn, to
import the packages that the agent is made of. Where the goal was set, that was 125 ms.
"""

from __future__ import annotations

import socket
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

from agent.model.runs import Run, RunState
from agent.store import Store
from benchmarks.agent import agent_with

READY_MS = 150.0
IMPORTED_MS = 125.0
PACKAGES = "yaml, jsonschema, watchdog.observers, psutil, prometheus_client, schedule, pytest"
RESIDENT_MB = 32.0
LATE_MS = 100.0
TASKS = 1000
CONCURRENCY = 4
STARTS = 7

Row = tuple[str, float, float, float, float]

CHECKS = """version: 1
tasks:
  react: {{action: command.run, with: {{command: ["true"]}}}}
thresholds:
{thresholds}
"""


def run() -> list[Row]:
    """Return rows: name, ours, the goal in the same unit, their ratio, and 1.0, which the ratio must not exceed."""
    with tempfile.TemporaryDirectory(prefix="hk-bench-", dir="/tmp") as name:
        place = Path(name)
        ready, imported, resident = _start_and_rest(place / "rest")
        lateness = _thousand_at_once(place / "due")
    return [
        _row("ready after a start with unchanged policies, median ms", ready, READY_MS),
        (
            f"the same beside importing {PACKAGES.count(',') + 1} packages",
            ready,
            imported,
            ready / imported,
            READY_MS / IMPORTED_MS,
        ),
        _row("resident memory with 33 thresholds, after scrapes, MB", resident, RESIDENT_MB),
        _row(f"{TASKS} due at once: start after due or a free place, p99 ms", lateness, LATE_MS),
    ]


def _row(name: str, ours: float, goal: float) -> Row:
    return (name, ours, goal, ours / goal, 1.0)


def _policy(place: Path, text: str) -> None:
    (place / "policies").mkdir(mode=0o700, parents=True)
    (place / "policies" / "policy.yaml").write_text(text)


def _start_and_rest(place: Path) -> tuple[float, float, float]:
    """Return the milliseconds until it is ready and those that importing takes, and the memory it holds in MiB."""
    signals = ["cpu.used_percent", "load.1m", "memory.used_percent", "disk.used_percent", "disk.inodes_used_percent"]
    lines = [f"  t{n}: {{signal: {signals[n % 5]}, above: {1000 + n}, for: 1m, run: [react]}}" for n in range(33)]
    policy = CHECKS.format(thresholds="\n".join(lines))
    _policy(place, policy)
    with agent_with(place, "sample_every: 1s\n"):
        pass
    times, imports = [], []
    for _ in range(STARTS):
        imports.append(_import() * 1000)
        with agent_with(place, "sample_every: 1s\n") as agent:
            times.append(agent.ready * 1000)
            if len(times) == STARTS:
                for _ in range(10):
                    _scrape(place)
                    time.sleep(1)
                resident = agent.resident_mb()
    return statistics.median(times), statistics.median(imports), resident


def _import() -> float:
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-I", "-c", f"import {PACKAGES}"], check=True)
    return time.perf_counter() - begun


def _scrape(place: Path) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(f"{place}/metrics.sock")
        client.sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n")
        while client.recv(65536):
            pass


def _thousand_at_once(place: Path) -> float:
    """All tasks fall due at the next full minute but one; return the 99th percentile of their lateness in ms."""
    at = datetime.fromtimestamp(time.time() + 100 - time.time() % 60)  # noqa: DTZ006 - cron lines are local too
    when = f"{at.minute} {at.hour} * * *"
    lines = [
        f"  t{n:04}: {{schedule: '{when}', action: command.run, with: {{command: ['true']}}}}" for n in range(TASKS)
    ]
    _policy(place, "version: 1\ntasks:\n" + "\n".join(lines))
    with agent_with(place, f"concurrency: {CONCURRENCY}\n"):
        end = time.monotonic() + 600
        while len(ended := _ended(place)) < TASKS:
            if time.monotonic() > end:
                raise RuntimeError(f"only {len(ended)} of {TASKS} runs have ended")
            time.sleep(1)
    return _lateness(ended)


def _ended(place: Path) -> list[Run]:
    with Store(f"{place}/state", read_only=True) as store:
        return [run for run in store.runs.recent(2 * TASKS) if run.state is RunState.SUCCEEDED]


def _lateness(runs: list[Run]) -> float:
    """A run can start when it is due, and when all but CONCURRENCY - 1 of those started before it have ended."""
    started = sorted((run.started or 0.0, run.ended or 0.0, run.due) for run in runs)
    ends = sorted(end for _, end, _ in started)
    late = []
    for place, (start, _, due) in enumerate(started):
        free = ends[place - CONCURRENCY] if place >= CONCURRENCY else due
        late.append(max(0.0, start - max(due, free)))
    return statistics.quantiles(late, n=100)[98] * 1000
