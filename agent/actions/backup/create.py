"""Back up paths and databases into a repository, look whether the backup is whole, and remove what is not kept.

A backup from which something is missing is kept, does not count as good, and fails the run once all the rest was done.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from agent.actions.backup import _box
from agent.actions.backup._checking import checking
from agent.actions.backup._clock import ClockGuard
from agent.actions.backup._creation import Creation
from agent.actions.backup._freeing import MakingRoom
from agent.actions.backup._making import making, verifying
from agent.actions.backup._problems import Problems
from agent.actions.backup._pruning import Pruning
from agent.actions.backup._repository import REAL, Drivers
from agent.actions.backup._sources import sources_of
from agent.errors import RunFailed
from agent.host.clock import local_zone
from agent.model.actions import Action, OnInterrupt, Step
from agent.model.backups import Level
from agent.ports import Context
from agent.rules.buckets import BUCKETS, Keep


class Options(Struct, frozen=True, kw_only=True):
    """Names and types; defaults and limits are in the schema. Durations are seconds."""

    repository: Mapping[str, Any]
    sources: Sequence[Mapping[str, Any]]
    one_file_system: bool
    empty: str
    full: Mapping[str, float]
    between: str
    verify: str
    keep: Mapping[str, Any] | None
    timezone: str
    vanished: str
    beyond_history: str
    suspect_clock: str
    writable: Sequence[str]


def plan(options: Options, ctx: Context) -> Iterator[Step]:
    """Given valid options, yield the steps: check, make room, make, verify, remove, and tell what went wrong."""
    yield from planned(options, ctx, REAL)


def planned(options: Options, ctx: Context, drivers: Drivers) -> Iterator[Step]:
    """As `plan`, with drivers to work with."""
    creation = creation_of(options, ctx, drivers)
    yield checking(creation)
    if creation.directory():
        yield MakingRoom(creation).step()
    yield making(creation)
    yield verifying(creation)
    if creation.keep is not None:
        yield Pruning(creation, creation.keep).step()
    yield creation.problems.telling(first=creation.clock.remember)


def creation_of(options: Options, ctx: Context, drivers: Drivers) -> Creation:
    """Given options, return them as they are meant. Raises RunFailed for a time zone that is not known."""
    return Creation(
        ctx=ctx,
        definition=options.repository,
        drivers=drivers,
        sources=sources_of(options.sources, options.repository, one_file_system=options.one_file_system),
        full_every=options.full["every"],
        between=Level(options.between),
        deep=options.verify == "deep",
        keep=None if options.keep is None else keep_of(options.keep),
        zone=_zone(options.timezone),
        clock=ClockGuard(ctx, options.suspect_clock == "refuse"),
        problems=Problems(ctx),
        allow_empty=options.empty == "allow",
        heed_history=options.beyond_history == "refuse",
        heed_vanished=options.vanished == "refuse",
    )


def keep_of(written: Mapping[str, Any]) -> Keep:
    """Given the option `keep`, return the rule."""
    return Keep(**{name: written[name] or 0 for name in BUCKETS}, within=written["within"])


def _zone(name: str) -> tzinfo:
    try:
        return local_zone() if name == "local" else ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise RunFailed(f"`timezone`: there is no {name!r}; name one of the tz database, or `local`") from error


ACTION = Action(
    summary="Backs up paths and databases into a repository, and removes backups that are no longer wanted",
    options=Options,
    plan=plan,
    on_interrupt=lambda _options: OnInterrupt.RESUME,
    box=_box.create,
)
