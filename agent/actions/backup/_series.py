"""The backups of one task of this host in one repository, as they are listed and with what is known of them."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from agent.drivers.repository import Repository
from agent.model.backups import Backup, Junk, Listing
from agent.ports import Context, Ledger, Memory
from agent.rules.keep import Standing, newcomers

_REMOVING = "removing"
_EARLY = 0.001
"""Seconds by which an instant may come back smaller from a repository than it went in."""


class Series(Struct, frozen=True):
    """Backups oldest first, what else lies there, what is known of them, and those known that are not listed."""

    backups: tuple[Backup, ...]
    junk: tuple[Junk, ...]
    standing: Standing
    vanished: tuple[Backup, ...]


def series_of(repository: Repository, ctx: Context, task: str) -> Series:
    """Look at a series and change nothing. Raises ListingFailed rather than leave a backup out."""
    return series_known(repository.name, repository.listing(ctx.host, task), ctx.ledger, ctx.memory, task)


def series_known(repository: str, listing: Listing, ledger: Ledger, memory: Memory, task: str) -> Series:
    """Given the name of a repository and what it lists of a task, return that with what this host knows of it."""
    known = ledger.known(repository, task)
    listed = {one.id for one in listing.backups}
    removing = _removing(memory, repository)
    standing = Standing(
        proofs=ledger.proofs(repository),
        verifications=ledger.verifications(repository),
        known=frozenset(one.id for one in known),
    )
    vanished = tuple(one for one in known if one.id not in listed and one.id not in removing)
    return Series(listing.backups, listing.junk, standing, vanished)


def take_up(series: Series, ctx: Context, now: float) -> tuple[str, ...]:
    """Let the ledger know of backups that a run made and could not say so, or that it has lost; return their ids.

    What lies before known ones is none of those.
    """
    since = newcomers(series.backups, series.standing.known, now)
    taken = [one for one in series.backups if one.id in since]
    for one in taken:
        ctx.ledger.made(one)
    return tuple(one.id for one in taken)


def made_by(ctx: Context, backups: Iterable[Backup]) -> Backup | None:
    """Given a series, return the newest backup that this run has made already, None if it has yet to.

    Runs of a task do not overlap, so what began since this run did is its own. Engines that know whole seconds only
    round down. One that is unsettled does not count: it is made again.
    """
    began, now = ctx.now.timestamp(), ctx.clock.now().timestamp()
    mine = [
        one
        for one in backups
        if not one.unsettled
        and one.began <= now
        and (one.began >= began - _EARLY or (one.began == int(one.began) == int(began)))
    ]
    return max(mine, key=lambda one: one.began, default=None)


def about_to_remove(ctx: Context, repository: str, ids: Iterable[str]) -> None:
    """Remember what is going to be removed, so that it is not missed if this process dies meanwhile."""
    ctx.memory.remember(f"{_REMOVING}:{repository}", sorted(ids))


def settle_removed(repository: Repository, ctx: Context, task: str) -> None:
    """Let the ledger forget what was about to be removed and is gone."""
    removing = _removing(ctx.memory, repository.name)
    if removing:
        listed = {one.id for one in repository.listing(ctx.host, task).backups}
        ctx.ledger.removed(repository.name, sorted(removing - listed))
        about_to_remove(ctx, repository.name, ())


def _removing(memory: Memory, repository: str) -> frozenset[str]:
    remembered = memory.recall(f"{_REMOVING}:{repository}")
    return frozenset(map(str, remembered)) if isinstance(remembered, list) else frozenset()
