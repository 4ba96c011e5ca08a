"""Ten thousand policy files: the start, and one of them edited again and again while the agent runs.

No peer does the same, so the third column is the goal itself. CPU is that of the daemon and of its children.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from pathlib import Path

from agent.store import Store
from benchmarks.agent import Measured, agent_with
from benchmarks.policies import policies

CPU_GOAL = 0.3
LATENCY_GOAL = 1.0
COLD_GOAL = 5.0
NO_GOAL = float("inf")
FILES = 10_000
EDITS = int(os.environ.get("HOSTKEEPER_BENCH_EDITS", "20"))

Row = tuple[str, float, float, float, float]


def run() -> list[Row]:
    """Return rows: name, ours, the goal in the same unit, their ratio, and 1.0, which the ratio must not exceed.

    What has no goal is shown for itself.
    """
    with tempfile.TemporaryDirectory(prefix="hk-bench-", dir="/tmp") as name:
        place = Path(name)
        policies(place / "policies", FILES, 1)
        with agent_with(place) as agent:
            cold, cold_cpu = agent.ready, agent.cpu()
        with agent_with(place) as agent:
            warm, warm_cpu = agent.ready, agent.cpu()
            cpu, latency = _edit(place, agent)
            resident = agent.resident_mb()
    files = f"{FILES:,} files"
    return [
        _row(f"one of {files} changed and put in force, CPU s", cpu, CPU_GOAL),
        _row(f"one of {files} changed: from the write to in force, median s", latency, LATENCY_GOAL),
        _row(f"{files}: ready after a cold start, s", cold, COLD_GOAL),
        _row(f"{files}: CPU of a cold start, s", cold_cpu, NO_GOAL),
        _row(f"{files}: ready after a warm start, s", warm, NO_GOAL),
        _row(f"{files}: CPU of a warm start, s", warm_cpu, NO_GOAL),
        _row(f"{files}: resident memory, MB", resident, NO_GOAL),
    ]


def _row(name: str, ours: float, goal: float) -> Row:
    return (name, ours, goal, ours / goal, 1.0)


def _edit(place: Path, agent: Measured) -> tuple[float, float]:
    """Return the CPU seconds of an edit on average, and the median seconds until it was in force."""
    time.sleep(2)
    before = agent.cpu()
    latencies = []
    for number in range(EDITS):
        file = place / "policies" / f"{number:05}.yaml"
        loaded = _loaded_at(place)
        file.write_text(file.read_text().replace("45m", "46m"))
        written = time.time()
        while (now := _loaded_at(place)) == loaded:
            if time.time() > written + 60:
                raise RuntimeError(f"an edit of {file} was not put in force")
            time.sleep(0.05)
        latencies.append(now - written)
    time.sleep(1)
    return (agent.cpu() - before) / EDITS, statistics.median(latencies)


def _loaded_at(place: Path) -> float:
    """Return when the agent says that it put its policies in force."""
    with Store(f"{place}/state", read_only=True) as store:
        record = store.facts.get("daemon")
    assert isinstance(record, dict)
    return float(record["policies"]["loaded_at"])
