"""Analysing a log: `logs.analyze` as its run does it, beside a plain loop that counts lines, and beside `grep -c`.

CPU seconds for a million lines of ten kinds, of which nine have numbers, names or addresses in them. The rows have no
goal: finding templates cannot cost as little as counting, and the ratio says what it does cost. By hand:
`python -m benchmarks.logs --lines 1000000`.
"""

from __future__ import annotations

import argparse
import math
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

Row = tuple[str, float, float, float, float]

LINES = 1_000_000
TRIES = 3

KINDS = (
    "INFO request %(n)d served in %(s)dms for user u%(s)d",
    "WARN cache miss key=user:%(n)d",
    "ERROR connection to 10.0.%(s)d.%(s)d:5432 refused",
    "INFO GET /api/v1/items/%(n)d 200 %(s)d",
    "DEBUG gc took %(s)d ms",
    "Accepted password for bob from 10.1.2.%(s)d port %(n)d ssh2",
    "Failed password for root from 10.1.2.%(s)d port %(n)d ssh2",
    "INFO job %(n)xf finished",
    "INFO session opened for user %(name)s",
    "NOTICE it is quiet",
)
NAMES = ("alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi")

ANALYSE = """
import sys
from tests.actions.logs.test_analyze import Analyst
analyst = Analyst(files=[sys.argv[1]])
assert analyst.run()["lines"] == int(sys.argv[2])
assert analyst.number("templates") == 10, analyst.number("templates")
"""
COUNT = """
import sys
lines = 0
with open(sys.argv[1], "rb") as file:
    for line in file:
        lines += 1
assert lines == int(sys.argv[2])
"""


def write(path: Path, lines: int) -> None:
    """Write a log of so many lines, the same ones each time, to which nobody writes any more."""
    chance = random.Random(1)
    with path.open("w", encoding="ascii") as log:
        for number in range(lines):
            message = KINDS[number % len(KINDS)] % {
                "n": number,
                "s": chance.randrange(255),
                "name": chance.choice(NAMES),
            }
            log.write(f"2026-03-01T12:{number // 60 % 60:02d}:{number % 60:02d}Z app[7]: {message}\n")
    os.utime(path, (1_772_000_000, 1_772_000_000))


def cpu(*argv: str) -> float:
    """Run a program to its end; return the CPU seconds that it used, the least of several tries."""
    best = math.inf
    for _ in range(TRIES):
        # Into a file: grep looks no further than the first match when nobody sees what it prints.
        with tempfile.TemporaryFile() as output:
            process = subprocess.Popen(argv, stdout=output)
            _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0, argv
        best = min(best, used.ru_utime + used.ru_stime)
    return best


def rows(lines: int) -> list[Row]:
    """Measure; return ours and the peer's CPU seconds, and what ours costs of a second per line in microseconds."""
    with tempfile.TemporaryDirectory() as directory:
        log = Path(directory) / "app.log"
        write(log, lines)
        started = cpu(sys.executable, "-c", "from tests.actions.logs.test_analyze import Analyst")
        ours = cpu(sys.executable, "-c", ANALYSE, str(log), str(lines)) - started
        empty = cpu(sys.executable, "-c", "")
        loop = cpu(sys.executable, "-c", COUNT, str(log), str(lines)) - empty
        grep = cpu("grep", "-c", "ERROR", str(log))
    what = f"{lines / ours:,.0f} lines a second"
    return [
        (f"{what}, beside a loop that counts lines", ours, loop, ours / loop, math.inf),
        (f"{what}, beside grep -c", ours, grep, ours / grep, math.inf),
    ]


def run() -> list[Row]:
    """Measure at full size."""
    return rows(LINES)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.logs", description=__doc__)
    parser.add_argument("--lines", type=int, default=LINES)
    for name, mine, peer, ratio, _ in rows(parser.parse_args().lines):
        print(f"{name}: {mine:.3f} s, {peer:.3f} s, {ratio:.2f}")
