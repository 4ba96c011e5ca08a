"""What a backup says of itself, and where it says so.

A backup is a snapshot of its paths and of a directory `hostkeeper-parts` that holds the copies of databases and
`hostkeeper-backup.json`, the record as it was before restic began. What restic has missed is known only afterwards, so
a second, tiny snapshot holds `/hostkeeper-backup.json`, the record of how it ended. Both have the tag `hostkeeper-id=`
with the same value; the first has the tag `hostkeeper`, the second `hostkeeper-record`.

Where files changed while restic read them, it reads again what has changed, and a snapshot of the same
`hostkeeper-id=` that has the tag `hostkeeper-again` as well, and so has its record, takes the place of the first one.

Snapshots are only ever added, so this works where nothing may be deleted. A backup without its second snapshot is one
whose run died in between: it can be restored, and is not good, because nobody knows what is missing from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec
from msgspec import Struct, field, structs

from agent.drivers.repositories.restic.site import DESCRIPTION, PARTS
from agent.drivers.repository import Damaged, ListingFailed
from agent.model.backups import Backup

FORMAT = 1
BACKUP, AGAIN, RECORD, ID, TASK, LEVEL = (
    *("hostkeeper", "hostkeeper-again", "hostkeeper-record"),
    *("hostkeeper-id=", "task=", "level="),
)


class Record(Struct, frozen=True, kw_only=True):
    """The content of `hostkeeper-backup.json`. The `id` and `repository` of its backup are empty: the place tells them.

    `files` are the paths of the copies of databases in the snapshot, `sizes` their sizes, by the name of the part.
    """

    format: int
    backup: Backup
    paths: tuple[str, ...]
    exclude: tuple[str, ...] = ()
    one_file_system: bool = False
    files: Mapping[str, str] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)


class Snapshot(Struct, frozen=True):
    """A snapshot, as `restic snapshots --json` tells it."""

    id: str
    time: str
    hostname: str = ""
    paths: tuple[str, ...] = ()
    tags: tuple[str, ...] | None = None

    def tagged(self, prefix: str) -> str:
        """Return what follows a prefix in the one tag that has it, empty where none has."""
        return next((tag.removeprefix(prefix) for tag in self.tags or () if tag.startswith(prefix)), "")

    def has(self, tag: str) -> bool:
        """Tell whether it has a tag."""
        return tag in (self.tags or ())

    @property
    def mark(self) -> tuple[str, bool]:
        """Return what a backup and the record of how it ended have in common, and no others."""
        return self.tagged(ID), self.has(AGAIN)

    @property
    def description(self) -> str:
        """Return the path of its record inside it."""
        if self.has(RECORD):
            return f"/{DESCRIPTION}"
        parts = next((path for path in self.paths if path.endswith(f"/{PARTS}")), f"/{PARTS}")
        return f"{parts}/{DESCRIPTION}"


def snapshots(content: bytes, repository: str) -> tuple[Snapshot, ...]:
    """Given the output of `restic snapshots --json`, return the snapshots. Raises ListingFailed for anything else."""
    try:
        # Without a snapshot, some versions say `null`.
        return msgspec.json.decode(content, type=tuple[Snapshot, ...] | None) or ()
    except ValueError as error:
        raise ListingFailed(
            f"what restic says of the snapshots of {repository} cannot be understood: {error}"
        ) from error


def superseded(found: Iterable[Snapshot]) -> frozenset[str]:
    """Given all snapshots, return the ids of those that are no backups, for another has taken their place."""
    ours = [one for one in found if one.has(BACKUP) and one.tagged(ID)]
    again = {(one.hostname, one.tagged(ID)) for one in ours if one.has(AGAIN)}
    return frozenset(one.id for one in ours if not one.has(AGAIN) and (one.hostname, one.tagged(ID)) in again)


def encode(record: Record) -> bytes:
    """Return the content of `hostkeeper-backup.json`."""
    return msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n"


def decode(content: bytes, snapshot: Snapshot) -> Record:
    """Given what a snapshot holds as its record, return it. Raises Damaged when it is none, or of another snapshot."""
    try:
        # As text: what is no UTF-8 in a part that is passed over would not be noticed else.
        record = msgspec.json.decode(content.decode(), type=Record)
    except (ValueError, RecursionError) as error:
        raise Damaged(f"snapshot {snapshot.id[:8]} holds no record of a backup: {error}") from error
    if record.format != FORMAT:
        raise Damaged(
            f"the record in snapshot {snapshot.id[:8]} is of format {record.format}, this version reads {FORMAT}"
        )
    if (record.backup.host, record.backup.task) != (snapshot.hostname, snapshot.tagged(TASK)):
        raise Damaged(f"the record in snapshot {snapshot.id[:8]} is of another host or task than its tags")
    return record


def settled(record: Record, flaws: Iterable[str], **changes: object) -> Record:
    """Return a record whose backup has these flaws and changes."""
    return structs.replace(record, backup=structs.replace(record.backup, flaws=tuple(flaws), **changes))
