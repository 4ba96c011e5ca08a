"""Runs the benchmarks named on the command line, or all of them, and prints one table of ratios."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
from collections.abc import Callable, Iterator

import benchmarks

Row = tuple[str, float, float, float, float]


def found() -> Iterator[tuple[str, Callable[[], list[Row]]]]:
    """Yield the name and the `run` of each module here that has one."""
    for module in pkgutil.iter_modules(benchmarks.__path__):
        if module.name != "__main__":
            run = getattr(importlib.import_module(f"benchmarks.{module.name}"), "run", None)
            if run is not None:
                yield module.name, run


def main() -> int:
    """Print each row as soon as it is measured; return 1 when a goal was missed."""
    runs = dict(found())
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of: {', '.join(runs)}; all of them by default")
    names = parser.parse_args().names or list(runs)
    if unknown := set(names) - set(runs):
        parser.error(f"unknown benchmark: {', '.join(sorted(unknown))}; known: {', '.join(runs)}")
    print(f"{'benchmark':<72} {'ours':>10} {'peer':>10} {'ratio':>6} {'goal':>6}")
    missed = 0
    for name in names:
        for what, ours, peer, ratio, goal in runs[name]():
            missed += ratio > goal
            verdict = "  missed" if ratio > goal else ""
            print(
                f"{f'{name}: {what}':<72} {ours:>10.3f} {peer:>10.3f} {ratio:>6.2f} {goal:>6.2f}{verdict}", flush=True
            )
    print(f"{missed} goals missed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
