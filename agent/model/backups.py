"""Backups: what a repository holds, what it is made of, and what is known of its worth.

Instants are seconds since the epoch, sizes bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct, field


class Level(StrEnum):
    """What a backup builds on: nothing, the newest backup, or the newest full one."""

    FULL = "full"
    INCREMENTAL = "incremental"
    DIFFERENTIAL = "differential"


class Part(Struct, frozen=True, kw_only=True):
    """One part of a backup: the files of the paths (`kind` `files`), or one database (`kind` its engine).

    `name` is unique in the backup: `files`, or the database's name in the policy. `form` names how the part is
    written, for whoever restores it without the agent. `bytes` were read, `stored` were written. `counts` are rows by
    table at the instant of the copy, `bounds` the same as (least, most) where the engine cannot count at that instant.
    """

    kind: str
    name: str
    form: str
    bytes: int
    stored: int
    counts: Mapping[str, int] = field(default_factory=dict)
    bounds: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)


UNSETTLED = "the run that made it died before it could tell what is missing from it"
"""The flaw of a backup about which nobody knows whether it has others."""


class Backup(Struct, frozen=True, kw_only=True):
    """One complete backup, as its repository tells it.

    `id` is unique in the repository. `parent` is the id of the backup that it cannot be restored without, empty for
    none. `flaws` say what is missing from it, one sentence each; with any, it is not a good backup.
    """

    id: str
    repository: str
    host: str
    task: str
    level: Level
    parent: str
    began: float
    ended: float
    parts: tuple[Part, ...]
    files: int
    flaws: tuple[str, ...] = ()
    version: str = ""

    @property
    def bytes(self) -> int:
        """What was read for it."""
        return sum(part.bytes for part in self.parts)

    @property
    def unsettled(self) -> bool:
        """Whether the run that made it died before it was known what is missing from it."""
        return UNSETTLED in self.flaws

    @property
    def stored(self) -> int:
        """What it added to its repository."""
        return sum(part.stored for part in self.parts)


class Junk(Struct, frozen=True):
    """Something in a repository that is no complete backup, and why."""

    name: str
    why: str


class Listing(Struct, frozen=True):
    """All of a repository's backups, oldest first; a listing that may lack one is no listing but an error."""

    backups: tuple[Backup, ...]
    junk: tuple[Junk, ...] = ()


class Proof(Struct, frozen=True, kw_only=True):
    """A restore that succeeded: of which backup, when, how long it took, how much it brought back and what was held
    against it (files compared, rows counted, assertions)."""

    repository: str
    task: str
    backup: str
    at: float
    seconds: float
    bytes: int
    checks: Mapping[str, int]


class Verification(Struct, frozen=True, kw_only=True):
    """That a backup was read and found whole: `deep` if every byte of it was read. `flaws` is what was found."""

    repository: str
    task: str
    backup: str
    at: float
    deep: bool
    bytes: int
    flaws: tuple[str, ...] = ()


class Entry(Struct, frozen=True, kw_only=True):
    """One object in a backup. `kind` is `file`, `directory`, `link`, `hard link`, `fifo`, `device` or `socket`.

    `path` is absolute, as the bytes the kernel knows. `sha256` is the sum of its content in hexadecimal,
    empty for what is no regular file and where an engine keeps none; `target` is where a link points.
    """

    path: bytes
    kind: str
    mode: int
    uid: int
    gid: int
    size: int
    modified: float
    sha256: str = ""
    target: bytes = b""
