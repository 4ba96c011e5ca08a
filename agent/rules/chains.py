"""Which backups a backup cannot be restored without, and which cannot be restored without it."""

from __future__ import annotations

from collections.abc import Container, Iterable

from agent.errors import RunFailed
from agent.model.backups import Backup, Listing


class BrokenChain(RunFailed):
    """A backup that cannot be restored: what it builds on is not there, or is nothing that can be built on."""


def chain(listing: Listing, backup: str) -> tuple[Backup, ...]:
    """Given the id of a listed backup, return all that restores it, oldest first, itself last.

    One without a parent stands by itself, whatever its level: some engines have no others. Raises BrokenChain when the
    backup, or one that it builds on, is not listed or belongs to another series, and when the parents lead in a circle.
    """
    known = {one.id: one for one in listing.backups}
    if backup not in known:
        raise BrokenChain(f"there is no backup {backup} in this repository: list what there is")
    newest = known[backup]
    found = {newest.id: newest}
    oldest = newest
    while oldest.parent:
        parent = known.get(oldest.parent)
        if parent is None:
            raise _broken(newest, f"{oldest.parent}, which {oldest.id} builds on, is not there")
        if parent.id in found:
            raise _broken(newest, f"{parent.id} builds on itself")
        if (parent.host, parent.task) != (oldest.host, oldest.task):
            raise _broken(newest, f"{parent.id}, which {oldest.id} builds on, is of another host or task")
        found[parent.id] = oldest = parent
    return tuple(reversed(found.values()))


def by_trust(backups: Iterable[Backup], now: float, known: Container[str] = ()) -> tuple[Backup, ...]:
    """Given backups, return them with the one last that is to be taken for the newest.

    Those that this host knows to have made, by id, come after all others: whoever can write to a repository can put a
    backup there that looks newer and good.
    What is dated after `now` comes before all others: a date that cannot be right is no reason to be preferred. Where
    all are, it is the clock that is behind, and the newest of them is the one.
    """
    return tuple(sorted(backups, key=lambda one: (one.id in known, one.began <= now, one.began, one.id)))


def dependents(listing: Listing, backup: str) -> tuple[Backup, ...]:
    """Given the id of a backup, listed or not, return those that cannot be restored without it, in listed order."""
    children: dict[str, list[str]] = {}
    for one in listing.backups:
        children.setdefault(one.parent, []).append(one.id)
    lost = {backup}
    pending = [backup]
    while pending:
        for child in children.get(pending.pop(), ()):
            if child not in lost:
                lost.add(child)
                pending.append(child)
    return tuple(one for one in listing.backups if one.id in lost and one.id != backup)


def _broken(newest: Backup, why: str) -> BrokenChain:
    return BrokenChain(f"backup {newest.id} cannot be restored: {why}; restore one that does not build on it")
