"""Look whether backups are whole: the structure of all in each run, and every byte of some, so that all are in time.

What is found is recorded: nothing is built on a damaged backup, and none takes the slot of a good one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from agent.actions.backup import _box
from agent.actions.backup._problems import Problems
from agent.actions.backup._repository import REAL, Drivers
from agent.actions.backup._verifying import Deep, Structure, Verifying
from agent.model.actions import Action, OnInterrupt, Step
from agent.ports import Context

_DAY = 86400.0


class Options(Struct, frozen=True, kw_only=True):
    """Names and types; defaults and limits are in the schema. Durations are seconds."""

    repository: Mapping[str, Any]
    tasks: Sequence[str] | None
    deep: Mapping[str, float | None] | None
    vanished: str
    writable: Sequence[str]


def plan(options: Options, ctx: Context) -> Iterator[Step]:
    """Given valid options, yield the steps: the structure of all, every byte of some, and what was found."""
    yield from planned(options, ctx, REAL)


def planned(options: Options, ctx: Context, drivers: Drivers) -> Iterator[Step]:
    """As `plan`, with drivers to work with."""
    problems = Problems(ctx)
    forget = options.vanished == "forget"
    verifying = Verifying(ctx, options.repository, drivers, problems, options.tasks, forget_vanished=forget)
    yield Structure(verifying).step()
    every = every_of(options.deep)
    if every is not None:
        yield Deep(verifying, every).step()
    yield problems.telling()


def every_of(deep: Mapping[str, float | None] | None) -> float | None:
    """Given the option `deep`, return in how many seconds every byte is read once, None for never."""
    if deep is None:
        return None
    if (percent := deep["percent_per_day"]) is not None:
        return 100 / percent * _DAY
    return deep["every"]


ACTION = Action(
    summary="Looks whether backups are whole, and reads all of them in the course of time",
    options=Options,
    plan=plan,
    on_interrupt=lambda _options: OnInterrupt.RESUME,
    box=_box.verify,
)
