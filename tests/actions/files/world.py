"""What the tests of `files.retain` share: options, trees, and runs of the whole plan."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from agent.actions.files.retain import ACTION, Options
from agent.model.actions import Judgement, Outcome, Preview, Step
from agent.ports import Context
from tests.fakes import EPOCH, context

DAY = 86400.0

DEFAULTS: dict[str, Any] = {
    "match": ["*"],
    "exclude": [],
    "max_age": None,
    "max_count": None,
    "max_size": None,
    "keep_latest": 0,
    "min_age": 0.0,
    "group_by": "path",
    "max_depth": None,
    "cross_mounts": False,
    "symbolic_links": False,
    "empty_directories": False,
    "empty_directory_age": 0.0,
    "missing": "fail",
    "beyond_history": "refuse",
    "suspect_clock": "refuse",
}


def options(*paths: Path, **changes: Any) -> Options:
    return Options(**{**DEFAULTS, "paths": [str(path) for path in paths], **changes})


def days_ago(days: float, now: datetime = EPOCH) -> float:
    return (now - timedelta(days=days)).timestamp()


def aged(path: Path, days: float, size: int = 0) -> Path:
    """Make a file of an age, and the directories above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as file:
        file.truncate(size)
    os.utime(path, (days_ago(days), days_ago(days)))
    return path


def steps(chosen: Options, ctx: Context | None = None) -> list[Step]:
    return list(ACTION.plan(chosen, ctx or context()))


def run(chosen: Options, ctx: Context | None = None) -> Outcome:
    """Do every step; return their outcomes as one."""
    counts: Counter[Any] = Counter()
    facts: Counter[str] = Counter()
    for step in steps(chosen, ctx):
        outcome = step.do()
        counts.update(outcome.counts)
        facts.update({name: int(value) for name, value in outcome.facts.items()})
    return Outcome(dict(facts), counts)


def previews(
    chosen: Options, ctx: Context | None = None, hear: Callable[[Judgement], None] = lambda _: None
) -> dict[str, Preview]:
    return {step.name: step.preview(hear) for step in steps(chosen, ctx)}


def everything(top: Path) -> set[bytes]:
    """Return the paths of everything below a directory."""
    return {
        where + b"/" + name
        for where, directories, files in os.walk(os.fsencode(top))
        for name in (*directories, *files)
    }


def names(top: Path) -> list[str]:
    """Return what is below a directory, relative and sorted."""
    return sorted(os.fsdecode(path).removeprefix(f"{top}/") for path in everything(top))
