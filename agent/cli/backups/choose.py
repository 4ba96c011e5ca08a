"""Find the one backup that a person means."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from agent.cli.backups.place import Place, known_of
from agent.cli.world import World
from agent.drivers.repository import Repository
from agent.errors import BadArgument, NotFound
from agent.host.clock import SystemClock
from agent.model.backups import Backup, Listing
from agent.rules.chains import by_trust
from agent.rules.keep import Standing, good

LATEST, PROVEN = "latest", "latest-proven"


class Chosen(Struct, frozen=True):
    """A backup, the repository it is in, and what else is listed there."""

    repository: Repository
    listing: Listing
    backup: Backup


def choose(places: Sequence[Place], wanted: str, world: World) -> Chosen:
    """Given where to look and the beginning of an id, `latest` or `latest-proven`, return the one backup.

    Raises NotFound when there is none, BadArgument when there are several.
    """
    if not wanted:
        raise BadArgument("the id is empty: give its beginning, `latest` or `latest-proven`")
    found = [match for place in places for match in _matches(place, wanted, world)]
    exact = [one for one in found if one.backup.id == wanted]
    if len(exact or found) == 1:
        return (exact or found)[0]
    if not found:
        where = ", ".join(sorted(place.repository.name for place in places))
        raise NotFound(f"there is no backup {wanted!r} in {where}: `hostkeeper backup list` shows what there is")
    several = ", ".join(f"{one.backup.id} of {one.backup.task} in {one.repository.name}" for one in found[:10])
    raise BadArgument(
        f"{wanted!r} could be {several}: give more of the id, or say which with --task, --host or --repository"
    )


def _matches(place: Place, wanted: str, world: World) -> list[Chosen]:
    listing = place.repository.listing(place.host, place.task)
    if wanted in (LATEST, PROVEN):
        known = known_of(world, place.repository.name, {one.task for one in listing.backups})
        sound = good(listing.backups, Standing(proofs=known.proofs, verifications=known.verifications))
        fitting = [one for one in listing.backups if one.id in sound and (wanted == LATEST or one.id in known.proofs)]
        now = SystemClock().now().timestamp()
        newest = {(one.host, one.task): one for one in by_trust(fitting, now, known.made)}
        return [Chosen(place.repository, listing, one) for one in newest.values()]
    return [Chosen(place.repository, listing, one) for one in listing.backups if one.id.startswith(wanted)]
