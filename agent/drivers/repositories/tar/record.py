"""What a backup says of itself: `backup.json` in its directory.

backup.json                        this record; it names no file of the host where the backup is encrypted
files.tar.zst[.age|.gpg]           GNU tar, --format=posix, --listed-incremental
files.manifest.zst[.age|.gpg]      see `agent.drivers.repositories.tar.manifest`
database-<name><suffix>.zst[...]   one per database
B3SUMS                             as of b3sum(1): the BLAKE3 of every other file, sorted
"""

from __future__ import annotations

import os
from collections.abc import Mapping

import msgspec
from msgspec import Struct, field, structs

from agent.drivers.repositories.tar import layout
from agent.drivers.repositories.tar.seal import read_small
from agent.drivers.repository import Damaged
from agent.model.backups import Backup

FORMAT = 1
FILES_PART = "files"
"""The kind and the name of the part that is the archive."""


class Made(Struct, frozen=True, kw_only=True):
    """How a backup was made.

    `files` are the names of the files by the name of the part they hold, `manifest` is that of the manifest, empty
    where no paths were backed up. `encryption` is `age`, `gnupg` or empty. `selection` is a digest of `sources`,
    `exclude` and `one_file_system`, which are told only without encryption. `unread` is that files are missing
    which the next backup would take for unchanged. `programs` are those with their versions, `options` those of tar.
    """

    files: Mapping[str, str]
    manifest: str
    encryption: str
    selection: str
    unread: bool = False
    sources: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    one_file_system: bool = False
    programs: Mapping[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()


class Record(Struct, frozen=True, kw_only=True):
    """The content of `backup.json`. The `id` and the `repository` of its backup are empty: the place tells them."""

    format: int
    backup: Backup
    made: Made


def encode(backup: Backup, made: Made) -> bytes:
    """Given a backup and how it was made, return the content of its `backup.json`."""
    record = Record(format=FORMAT, backup=structs.replace(backup, id="", repository=""), made=made)
    return msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n"


def decode(content: bytes, where: str, repository: str) -> Record:
    """Given the content of the `backup.json` in the directory `where`, return the record, with id and repository.

    Raises Damaged unless it is a record of this format that fits its place: name, host and task.
    """
    try:
        record = msgspec.json.decode(content, type=Record)
    except (ValueError, RecursionError) as error:
        raise Damaged(f"{where}/{layout.RECORD} is no record of a backup: {error}") from error
    rest, name = os.path.split(where)
    rest, task = os.path.split(rest)
    told = layout.parse_id(name)
    backup = record.backup
    if record.format != FORMAT:
        raise Damaged(f"{where} is of format {record.format}; this version reads {FORMAT}: use a newer one")
    if told is None or (told.began, told.level) != (float(int(backup.began)), backup.level):
        raise Damaged(f"{where} was not made at the time or at the level that its name tells")
    if (backup.host, backup.task) != (os.path.basename(rest), task):
        raise Damaged(f"{where} is the backup of another host or task: {backup.host}, {backup.task}")
    return structs.replace(record, backup=structs.replace(backup, id=name, repository=repository))


def read(where: str, repository: str, sums: Mapping[str, str]) -> Record:
    """Given the directory of a backup and its checked sums, return its record.

    Raises Damaged when it is not what was written, OSError when it cannot be read.
    """
    return decode(read_small(where, layout.RECORD, sums.get(layout.RECORD, "")), where, repository)
