"""Which level the next backup of a series has, what it builds on, and why."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from msgspec import Struct

from agent.model.backups import Backup, Level, Listing
from agent.readable import duration
from agent.rules.chains import BrokenChain, chain
from agent.rules.keep import Standing, latecomers
from agent.rules.quantities import format_duration

SLACK_SHARE = 0.1
SLACK_MOST = 12 * 3600.0
"""A full backup is due so much before its time is full, as a share of it and in seconds: a run that starts a minute
earlier than the one of a week ago would else put it off to the next day, and again."""


class Wish(Struct, frozen=True, kw_only=True):
    """What the policy says: the level `between` full ones, the seconds between those, and a digest of the sources."""

    between: Level
    full_every: float
    sources: str


class Choice(Struct, frozen=True):
    """The level of the next backup, what it builds on (None for a full one), and why, for people."""

    level: Level
    parent: Backup | None
    why: str


def choose(
    backups: Sequence[Backup],
    wish: Wish,
    levels: Collection[Level],
    now: float,
    standing: Standing,
    sources: Mapping[str, str],
) -> Choice:
    """Given a whole series, the engine's levels and, by id, the digests of what was backed up, choose the next level.

    A full one is made wherever it is in doubt whether something can be built on.
    """
    if wish.between not in levels:
        return _full(f"the engine has no {wish.between} backups")
    others = latecomers(backups, standing.known, now)
    ordered = sorted(
        (one for one in backups if one.began <= now and one.id not in others), key=lambda one: (one.began, one.id)
    )
    fulls = [one for one in ordered if one.level is Level.FULL]
    if not fulls:
        return _full("there is no full backup to build on")
    age = now - fulls[-1].began
    if age >= wish.full_every - min(SLACK_SHARE * wish.full_every, SLACK_MOST):
        return _full(
            f"the last full one is {duration(age)} old, and `full.every` is {format_duration(wish.full_every)}"
        )
    base = ordered[-1] if wish.between is Level.INCREMENTAL else fulls[-1]
    wrong = _wrong(base, backups, standing)
    if wrong:
        return _full(wrong)
    if sources.get(base.id) != wish.sources:
        known = base.id in sources
        said = "the sources or the repository have changed since" if known else "it is not known what is in"
        return _full(f"{said} {base.id}")
    return Choice(wish.between, base, f"{base.id} can be built on, and the last full one is young enough")


def _full(why: str) -> Choice:
    return Choice(Level.FULL, None, why)


def _wrong(base: Backup, backups: Sequence[Backup], standing: Standing) -> str:
    """Say why nothing is to be built on a backup, or ""."""
    try:
        links = chain(Listing(tuple(backups)), base.id)
    except BrokenChain as error:
        return str(error)
    for link in links:
        if link.flaws:
            return f"{link.id} is not good: {link.flaws[0]}"
        if standing.damaged(link.id):
            return f"{link.id} was found damaged"
    return ""
