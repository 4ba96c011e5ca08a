"""Which backup is meant: the latest good one, the latest that was proven, one by its id, or one of an instant."""

from __future__ import annotations

from datetime import UTC, datetime

from agent.errors import NotFound
from agent.model.backups import Backup, Listing
from agent.ports import Ledger
from agent.rules.chains import by_trust
from agent.rules.keep import Standing, good

LATEST, PROVEN = "latest", "latest-proven"


def reliable(listing: Listing, ledger: Ledger, repository: str, now: float) -> tuple[Backup, ...]:
    """Return the backups that can be relied on, with all that they build on, the one to be preferred last."""
    standing = Standing(proofs=ledger.proofs(repository), verifications=ledger.verifications(repository))
    sound = good(listing.backups, standing)
    return by_trust((one for one in listing.backups if one.id in sound), now, made_here(listing, ledger, repository))


def made_here(listing: Listing, ledger: Ledger, repository: str) -> frozenset[str]:
    """Return the ids of those listed backups that this host knows to have made."""
    tasks = {one.task for one in listing.backups}
    made = {one.id for task in tasks for one in ledger.known(repository, task)}
    return frozenset(one.id for one in listing.backups if one.id in made)


def select(listing: Listing, wanted: str, ledger: Ledger, repository: str, now: float) -> Backup:
    """Given all backups of a host and a task, return the one that is meant. Raises NotFound.

    One that is named by its id may have flaws; whoever names it has been told.
    """
    by_id = [one for one in listing.backups if one.id.startswith(wanted)]
    exact = [one for one in by_id if one.id == wanted]
    if len(exact or by_id) == 1:
        return (exact or by_id)[0]
    if by_id:
        raise NotFound(f"{wanted!r} could be {', '.join(one.id for one in by_id[:10])}: give more of the id")
    sound = reliable(listing, ledger, repository, now)
    if wanted == PROVEN:
        proofs = ledger.proofs(repository)
        sound = tuple(one for one in sound if one.id in proofs)
    elif wanted != LATEST:
        latest = instant(wanted)
        if latest is None:
            raise NotFound(f"there is no backup {wanted!r}: `hostkeeper backup list` shows what there is")
        sound = tuple(one for one in sound if one.ended <= latest)
    if not sound:
        of = f", of {len(listing.backups)}" if listing.backups else ""
        raise NotFound(f"no good backup fits {wanted!r}{of}: `hostkeeper backup list` shows what there is")
    return sound[-1]


def instant(text: str) -> float | None:
    """Given an instant as people write it (ISO 8601, UTC where no zone is given), return it, None if it is none."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()
