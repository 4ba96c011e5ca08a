"""Delivery over kills at random of those who leave notices and of those who send them, as shares of all there were.

No peer is asked: what is told here begins in our own store.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from tests.system.notices.kills import strike
from tests.system.notices.writer import RECEIVERS

KILLS = int(os.environ.get("HOSTKEEPER_BENCH_KILLS", "200"))
SEED = 1

Row = tuple[str, float, float, float, float]


def run() -> list[Row]:
    """Return rows: what, how many, of how many, the share, and the goal for it."""
    with tempfile.TemporaryDirectory(prefix="hk-") as place:
        found = strike(Path(place), KILLS, SEED)
    notices = float(found.notices * len(RECEIVERS))
    over = f"over {found.kills} kills"
    return [
        _row(f"acknowledged notices lost {over}", found.lost, notices, 0.0),
        _row(f"notices told out of order {over}", found.disordered, notices, 0.0),
        _row(f"messages that came again under the same id {over}", found.repeated, found.received, 0.5),
    ]


def _row(name: str, count: float, of: float, goal: float) -> Row:
    return name, float(count), float(of), count / of if of else 0.0, goal


if __name__ == "__main__":
    for row in run():
        print(*row)
