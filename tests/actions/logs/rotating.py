"""What tests of rotation share: options, a context with real programs, and older generations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agent.actions.logs.rotate import ACTION, Options
from agent.host.processes import SystemProcesses
from agent.ports import Context
from tests.fakes import context

ENGINES = ("logrotate", "own")


def options(*paths: Path, **changes: Any) -> Options:
    known: dict[str, Any] = {
        "paths": [str(path) for path in paths],
        "engine": "logrotate",
        "method": "rename",
        "min_size": 1,
        "keep": 3,
        "max_age": None,
        "compress": "zstd",
        "create": None,
        "after": None,
        "after_timeout": 30.0,
        "services": False,
        "patience": 1.0,
        "missing": "fail",
    }
    return Options(**{**known, **changes})


def real(place: Path, **changes: Any) -> Context:
    return context(processes=SystemProcesses(cgroups=False), place=str(place), **changes)


def run(found: Options, ctx: Context) -> dict[str, dict[str, object]]:
    facts: dict[str, dict[str, object]] = {}
    for step in ACTION.plan(found, ctx):
        outcome = step.do()
        facts[step.name] = dict(outcome.facts)
        if outcome.skipped is not None:
            return {**facts, "skipped": {"reason": outcome.skipped}}
    return facts


def aged(log: Path, number: int, ending: str = "", content: bytes = b"old\n") -> Path:
    """Leave an older generation behind, the older the smaller its number."""
    path = log.with_name(f"{log.name}-20260101-{1_767_000_000 + number}{ending}")
    path.write_bytes(content)
    return path


def around(log: Path) -> list[str]:
    return sorted(path.name for path in log.parent.iterdir())
