"""`hostkeeper backup list`: the backups there are, and what is known of their worth."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import tzinfo

from msgspec.structs import asdict

from agent.cli.backups.place import Known, Place, known_of, places
from agent.cli.output import ago, columns, emit_json, harmless, instant, size, table
from agent.cli.world import World
from agent.drivers.repository import ListingFailed
from agent.errors import ExitCode
from agent.host.clock import SystemClock
from agent.model.backups import Backup, Listing
from agent.rules.keep import good

_SHORT = 12
_HEADINGS = ("id", "level", "builds on", "made", "age", "read", "stored", "proven", "flaws")
_SPARE = ("builds on", "made", "read")
"""Columns that `show` has as well."""


def main(arguments: argparse.Namespace) -> int:
    """List backups by repository, host and task, oldest first; exit code 4 when a repository cannot tell."""
    world = World(arguments)
    now = SystemClock().now().timestamp()
    found: list[tuple[Place, Listing, Known]] = []
    failed: list[str] = []
    others: set[str] = set()
    with places(arguments, world) as chosen:
        for place in chosen:
            try:
                listing = place.repository.listing(place.host, place.task)
                if place.host and not listing.backups:
                    others |= {one.host for one in place.repository.listing("", place.task).backups}
            except ListingFailed as error:
                failed.append(str(error))
                continue
            found.append((place, listing, known_of(world, place.repository.name)))
    if arguments.json:
        emit_json(
            {
                "repositories": [
                    {
                        "repository": place.repository.name,
                        "backups": [data(backup, known, listing) for backup in listing.backups],
                        "junk": [asdict(one) for one in listing.junk],
                    }
                    for place, listing, known in found
                ],
                "failed": failed,
            }
        )
    else:
        lines = [line for one in found for line in _lines(*one, now, world.zone)]
        if lines or not failed:
            print("\n".join(lines) or _none(others))
        for sentence in failed:
            print(harmless(sentence), file=sys.stderr)
    return ExitCode.RUN_FAILED if failed else ExitCode.OK


def _none(others: set[str]) -> str:
    """Say that there is nothing; a host that was renamed has its backups under its old name."""
    of = harmless(", ".join(sorted(others)))
    return f"no backups of that host, but of {of}: name one with --host" if others else "no backups"


def data(backup: Backup, known: Known, listing: Listing) -> dict[str, object]:
    """Given a backup, what is known of its repository's and all of its series, return everything for `--json`."""
    proof, verified = known.proofs.get(backup.id), known.verifications.get(backup.id)
    return {
        **asdict(backup),
        "parts": [asdict(part) for part in backup.parts],
        "bytes": backup.bytes,
        "stored": backup.stored,
        "good": backup.id in _sound(listing, known),
        "proven": known.standing.proven(backup.id),
        "damaged": known.standing.damaged(backup.id),
        "proof": None if proof is None else asdict(proof),
        "verification": None if verified is None else asdict(verified),
    }


def short(backup: str, listed: Sequence[str] = ()) -> str:
    """Given the id of a backup and the ids that are listed, return as much of it as a table has room for.

    A beginning is enough to name it, as long as no other one begins like that.
    """
    if len(backup) > _SHORT and not backup.strip("0123456789abcdef"):
        return backup[:_SHORT]
    instant, _, rest = backup.partition("-")
    known = rest and instant.endswith("Z") and sum(one.startswith(instant) for one in listed) == 1
    return instant if known else backup


def _sound(listing: Listing, known: Known) -> frozenset[str]:
    return good(listing.backups, known.standing)


def _lines(place: Place, listing: Listing, known: Known, now: float, zone: tzinfo) -> list[str]:
    lines: list[str] = []
    sound = _sound(listing, known)
    for host, task in sorted({(one.host, one.task) for one in listing.backups}):
        mine = [one for one in listing.backups if (one.host, one.task) == (host, task)]
        ids = [one.id for one in listing.backups]
        rows = [_row(backup, ids, known, now, zone, sound=backup.id in sound) for backup in mine]
        lines += [
            harmless(f"{task} of {host} in {place.repository.name}"),
            table(_HEADINGS, rows, columns(), _SPARE),
            "",
        ]
    lines += [harmless(f"no backup: {one.name} in {place.repository.name}: {one.why}") for one in listing.junk]
    return lines


def _row(backup: Backup, ids: Sequence[str], known: Known, now: float, zone: tzinfo, *, sound: bool) -> tuple[str, ...]:
    proof, flaws = known.proofs.get(backup.id), len(known.flaws(backup))
    return (
        short(backup.id, ids),
        str(backup.level),
        short(backup.parent, ids) or "-",
        instant(backup.began, zone),
        ago(backup.began, now),
        size(backup.bytes),
        size(backup.stored),
        "damaged" if known.standing.damaged(backup.id) else ago(proof.at, now) if proof else "never",
        str(flaws) if flaws else "-" if sound else "builds on what is not good",
    )
