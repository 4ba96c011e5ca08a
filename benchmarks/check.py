"""Checking 1,000 policy files, beside `promtool check rules` on as many rule files of the same size.

Files of four tasks or rules are about as large as the policies that we ship, and the goal is for these. Files of one
are as small as they get: beside them starting Python weighs a third of the whole, and the figure is for information.
"Known" is a check on a host whose agent has these very files in force. CPU is that of the whole process.
"""

from __future__ import annotations

import math
import os
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks.agent import agent_with
from benchmarks.policies import policies, rules

FILES = 1000
GOALS = {4: 0.5, 1: math.inf}
"""By how many tasks or rules a file has."""
ROUNDS = int(os.environ.get("HOSTKEEPER_BENCH_ROUNDS", "7"))

Row = tuple[str, float, float, float, float]


def run() -> list[Row]:
    """Return rows: name, our seconds, promtool's, the ratio, and the goal for it."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="hk-bench-", dir="/tmp") as name:
        for parts, goal in GOALS.items():
            rows += _compare(Path(name) / str(parts), parts, goal)
    return rows


def _compare(place: Path, parts: int, goal: float) -> list[Row]:
    policies(place / "policies", FILES, parts)
    rules(place / "rules", FILES, parts)
    with agent_with(place):
        pass  # what was in force stays in the store
    check = [sys.executable, "-I", "-m", "agent", "check", "--policies", f"{place}/policies"]
    config = ["--config", f"{place}/agent.yaml"]
    contenders = {
        "cold": [*check, *config, "--state", f"{place}/none"],
        "known": [*check, *config, "--state", f"{place}/state"],
        "promtool": [shutil.which("promtool") or "promtool", "check", "rules", *map(str, (place / "rules").iterdir())],
    }
    # Taken in turn, so that a busy moment of the machine meets all of them.
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(ROUNDS):
        for name, argv in contenders.items():
            times[name].append(_cpu_of(argv))
    peer = statistics.median(times.pop("promtool"))
    size = sum(file.stat().st_size for file in (place / "policies").iterdir()) // FILES
    return [
        (f"check {FILES:,} files of {size} bytes, {name}, CPU s", own, peer, own / peer, goal)
        for name, own in ((name, statistics.median(found)) for name, found in times.items())
    ]


def _cpu_of(argv: list[str]) -> float:
    quiet = os.open(os.devnull, os.O_WRONLY)
    pid = os.posix_spawn(argv[0], argv, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, quiet, 1)])
    os.close(quiet)
    _, status, used = os.wait4(pid, 0)
    if status:
        raise RuntimeError(f"{argv[:4]} failed with {os.waitstatus_to_exitcode(status)}")
    return used.ru_utime + used.ru_stime
