"""What a repository has of a host that is gone: which backups are to come back, and what paths that makes."""

from __future__ import annotations

import os
from collections.abc import Iterable

from agent.actions.backup._weighing import is_plain
from agent.errors import NotFound, RunFailed
from agent.model.backups import Backup, Entry, Listing
from agent.rules.chains import by_trust
from agent.rules.keep import Standing, good


def hosts(listing: Listing) -> tuple[str, ...]:
    """Return the hosts that have backups, sorted."""
    return tuple(sorted({one.host for one in listing.backups}))


def newest(listing: Listing, host: str, at: float | None, now: float) -> tuple[Backup, ...]:
    """Return the newest good backup of each task of a host, as of an instant. Raises NotFound when there is none."""
    mine = [one for one in listing.backups if one.host == host]
    sound = good(mine, Standing(proofs={}, verifications={}))
    fitting = (one for one in mine if one.id in sound and (at is None or one.ended <= at))
    found = {one.task: one for one in by_trust(fitting, now)}
    if not found:
        raise NotFound(
            f"there is no good backup of {host}: `hostkeeper backup list` shows what there is, if told the repository"
        )
    return tuple(found.values())


def passed_over(listing: Listing, host: str, found: Iterable[Backup], at: float | None) -> list[str]:
    """Given what comes back of a host, return a sentence for each task of which that is nothing, or not the newest."""
    chosen = {one.task: one for one in found}
    mine = [one for one in listing.backups if one.host == host]
    by_then = [one for one in mine if at is None or one.ended <= at]
    sentences = []
    for task in sorted({one.task for one in mine}):
        there = [one for one in by_then if one.task == task]
        if task not in chosen:
            sentences.append(f"{task} of {host}: no good backup, of {len(there)}: NOTHING of it comes back")
        elif later := sum(one.began > chosen[task].began for one in there):
            sentences.append(f"{task} of {host}: {later} newer than {chosen[task].id} are not good, or dated ahead")
    return sentences + [f"no backup: {one.name}: {one.why}" for one in listing.junk]


def outermost(entries: Iterable[Entry]) -> tuple[bytes, ...]:
    """Given what a backup has, return the paths that everything is at or below; of `/` those in it."""
    directories: set[bytes] = set()
    others: set[bytes] = set()
    for entry in entries:
        if not is_plain(entry.path):
            raise RunFailed(
                f"the backup has {entry.path!a}, which is no path that can be brought back: trust none of it"
            )
        if entry.kind == "directory":
            directories.add(entry.path)
        elif os.path.dirname(entry.path) not in directories:
            others.add(entry.path)
    directories.discard(b"/")
    every = directories | others
    return tuple(sorted(path for path in every if os.path.dirname(path) not in directories))
