"""Processor time of watching a host, beside Monit's: the same 33 checks at the same cadence, at the same time.

Ours is the whole daemon, with policies loaded and metrics kept, not only its sampling. Ten seconds is the usual cadence
of both. Monit reads about every process in every cycle, so the ratio depends on how many there are: it is measured on
the host as it is, and with more idle ones, as a host at work has.

Once in five minutes, in one cycle of thirty, ours writes down what it measured, for about as much as two or three
cycles. So it is five minutes that are measured: they hold that once.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.cpu import cpu_seconds
from benchmarks.peers import ending

GOAL = 0.3
EVERY = int(os.environ.get("HOSTKEEPER_BENCH_CADENCE", "10"))
CYCLES = int(os.environ.get("HOSTKEEPER_BENCH_CYCLES", "30"))
WARM_UP_CYCLES = 5
"""Both read more in their first cycles than later."""

MORE_PROCESSES = 100
MET_CYCLES = 3
"""What is new is looked at more often in its first cycles than later."""

WATCHED_PROGRAMS = ("hkbench-a", "hkbench-b", "hkbench-c", "hkbench-d")


@dataclass(frozen=True)
class Check:
    """One check in both languages; no check is ever violated, so neither side has anything to report."""

    signal: str
    labels: dict[str, str]
    bound: tuple[str, float]
    monit: str


def run() -> list[tuple[str, float, float, float, float]]:
    """Return two rows: name, our milliseconds per cycle, Monit's, the ratio, and the goal for it."""
    # Whatever others do in /tmp is told to whoever watches a directory below it; policies lie where nothing happens.
    with tempfile.TemporaryDirectory(dir="/var/tmp") as directory, _watched_programs(Path(directory)):
        checks = _checks()
        with _ours(Path(directory), checks) as ours, _monit(Path(directory), checks) as monit:
            time.sleep(WARM_UP_CYCLES * EVERY)
            rows = [_row(checks, ours, monit)]
            with _idle_processes(MORE_PROCESSES):
                time.sleep(MET_CYCLES * EVERY)
                rows.append(_row(checks, ours, monit))
    return rows


def _row(checks: dict[str, list[Check]], ours: int, monit: int) -> tuple[str, float, float, float, float]:
    processes = len(psutil.pids())
    before = [cpu_seconds(pid) for pid in (ours, monit)]
    time.sleep(CYCLES * EVERY)
    own, peer = ((cpu_seconds(p) - b) / CYCLES * 1000 for p, b in zip((ours, monit), before, strict=True))
    what = f"{sum(map(len, checks.values()))} checks every {EVERY} s beside {processes} processes"
    return what, own, peer, own / peer, GOAL


def _checks() -> dict[str, list[Check]]:
    """Return the checks by the entry of Monit's that makes them."""
    interface = next(name for name in psutil.net_io_counters(pernic=True) if name != "lo")
    device = max(psutil.disk_io_counters(perdisk=True).items(), key=lambda item: item[1].read_count)[0]
    root, wire, disk = {"mountpoint": "/"}, {"interface": interface}, {"device": device}
    none: dict[str, str] = {}
    checks = {
        "check system host": [
            Check("load.1m", none, ("above", 1000), "loadavg (1min) > 1000"),
            Check("load.5m", none, ("above", 1000), "loadavg (5min) > 1000"),
            Check("load.15m", none, ("above", 1000), "loadavg (15min) > 1000"),
            Check("cpu.used_percent", none, ("above", 101), "cpu usage > 101%"),
            Check("cpu.user_percent", none, ("above", 101), "cpu usage (user) > 101%"),
            Check("cpu.system_percent", none, ("above", 101), "cpu usage (system) > 101%"),
            Check("cpu.iowait_percent", none, ("above", 101), "cpu usage (wait) > 101%"),
            Check("memory.used_percent", none, ("above", 100), "memory usage > 100%"),
            Check("swap.used_percent", none, ("above", 100), "swap usage > 100%"),
            Check("file_descriptors.used_percent", none, ("above", 100), "filedescriptors > 100%"),
            Check("uptime.seconds", none, ("below", 1), "uptime < 1 second"),
        ],
        "check filesystem root with path /": [
            Check("disk.used_percent", root, ("above", 100), "space usage > 100%"),
            Check("disk.free_bytes", root, ("below", 1), "space free < 1 B"),
            Check("disk.inodes_used_percent", root, ("above", 100), "inode usage > 100%"),
            Check("disk.inodes_free", root, ("below", 1), "inode free < 1"),
            Check("disk_io.read_bytes_per_second", disk, ("above", 1e12), "read rate > 1000 GB/s"),
            Check("disk_io.written_bytes_per_second", disk, ("above", 1e12), "write rate > 1000 GB/s"),
        ],
        f"check network wire with interface {interface}": [
            Check("network.sent_bytes_per_second", wire, ("above", 1e12), "upload > 1000 GB/s"),
            Check("network.received_bytes_per_second", wire, ("above", 1e12), "download > 1000 GB/s"),
            Check("network.sent_packets_per_second", wire, ("above", 1e9), "upload > 1000000000 packets/s"),
            Check("network.received_packets_per_second", wire, ("above", 1e9), "download > 1000000000 packets/s"),
        ],
    }
    for name in WATCHED_PROGRAMS:
        program = {"name": name}
        checks[f"check process {name} matching {name}"] = [
            Check("process.count", program, ("below", 1), "does not exist"),
            Check("process.cpu_percent", program, ("above", 1000), "cpu > 1000%"),
            Check("process.memory_bytes", program, ("above", 1e12), "memory > 1000 GB"),
        ]
    return checks


@contextmanager
def _ours(directory: Path, checks: dict[str, list[Check]]) -> Iterator[int]:
    policies, state, config = directory / "policies", directory / "state", directory / "agent.yaml"
    policies.mkdir()
    thresholds = {
        f"check-{number}": {"signal": check.signal, "labels": check.labels, check.bound[0]: check.bound[1]}
        for number, check in enumerate(check for of_entry in checks.values() for check in of_entry)
    }
    (policies / "checks.yaml").write_text(json.dumps({"version": 1, "thresholds": thresholds}))
    config.write_text(json.dumps({"sample_every": f"{EVERY}s", "metrics": {"listen": "127.0.0.1:0"}}))
    where = ["--policies", str(policies), "--state", str(state), "--config", str(config)]
    with _running([sys.executable, "-m", "agent", "agent", *where], directory / "agent.log") as pid:
        yield pid


@contextmanager
def _monit(directory: Path, checks: dict[str, list[Check]]) -> Iterator[int]:
    files = [f"set {name}file {directory / f'monit.{name}'}" for name in ("pid", "state", "id")]
    entries = [
        "\n".join([entry, *(f"  if {check.monit} then alert" for check in of_entry)])
        for entry, of_entry in checks.items()
    ]
    control = directory / "monitrc"
    control.write_text("\n".join([f"set daemon {EVERY}", *files, *entries, ""]))
    control.chmod(0o600)
    with _running([shutil.which("monit") or "monit", "-I", "-c", str(control)], directory / "monit.log") as pid:
        yield pid


@contextmanager
def _watched_programs(directory: Path) -> Iterator[None]:
    with ExitStack() as programs:
        for name in WATCHED_PROGRAMS:
            program = directory / name
            program.symlink_to(shutil.which("sleep") or "/bin/sleep")
            programs.enter_context(ending(subprocess.Popen([program, "3600"])))
        yield


@contextmanager
def _idle_processes(count: int) -> Iterator[None]:
    with ExitStack() as processes:
        for _ in range(count):
            processes.enter_context(ending(subprocess.Popen([shutil.which("sleep") or "/bin/sleep", "3600"])))
        yield


@contextmanager
def _running(command: list[str], log: Path) -> Iterator[int]:
    with log.open("wb") as output, ending(subprocess.Popen(command, stdout=output, stderr=output)) as process:
        yield process.pid
        if process.poll() is not None:
            raise RuntimeError(f"{command[0]} ended with {process.returncode}:\n{log.read_text()}")
