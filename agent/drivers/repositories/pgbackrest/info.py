"""What `pgbackrest info --output=json` tells of a stanza, and backups as the agent knows them."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import Struct, field

from agent.drivers.repositories.pgbackrest.commands import INSTALL, Engine, Failed
from agent.drivers.repository import ListingFailed
from agent.errors import RunFailed
from agent.model.backups import Backup, Level, Part

REPO = 1
"""The repository of the configuration that the agent works with, the one of the highest priority."""

OK, NO_STANZA, NO_BACKUP, NO_DATA = 0, 1, 2, 3
"""Codes of a status; 1 and 3 are a stanza that was not created, or not whole."""

HOST, TASK, DATABASE = "hostkeeper-host", "hostkeeper-task", "hostkeeper-database"
"""Annotations of a backup."""

FORM = "pgbackrest"
_LEVELS = {"full": Level.FULL, "diff": Level.DIFFERENTIAL, "incr": Level.INCREMENTAL}
TYPES = {level: word for word, level in _LEVELS.items()}


class _Range(Struct, frozen=True):
    start: str | None
    stop: str | None


class _Of(Struct, frozen=True, rename="kebab"):
    repo_key: int = REPO
    id: int = 0


class _Times(Struct, frozen=True):
    start: int
    stop: int


class _Stored(Struct, frozen=True):
    delta: int


class _Sizes(Struct, frozen=True):
    delta: int
    size: int
    repository: _Stored


class _Backrest(Struct, frozen=True):
    version: str


class Told(Struct, frozen=True):
    """One backup, in pgBackRest's words."""

    label: str
    type: str
    archive: _Range
    lsn: _Range
    info: _Sizes
    timestamp: _Times
    backrest: _Backrest
    database: _Of = _Of()
    prior: str | None = None
    error: bool | None = None
    annotation: Mapping[str, str] = field(default_factory=dict)


class _Status(Struct, frozen=True):
    code: int
    message: str


class _Repo(Struct, frozen=True):
    key: int
    status: _Status


class _Server(Struct, frozen=True, rename="kebab"):
    id: int
    version: str
    system_id: int = 0
    repo_key: int = REPO


class Stanza(Struct, frozen=True):
    """A stanza, in pgBackRest's words; `status` says whether any of it can be relied on."""

    name: str
    status: _Status
    backup: tuple[Told, ...] = ()
    repo: tuple[_Repo, ...] = ()
    db: tuple[_Server, ...] = ()

    @property
    def code(self) -> int:
        """The status of the repository that the agent works with, and of the stanza where that tells more."""
        ours = [repo.status.code for repo in self.repo if repo.key == REPO]
        return ours[0] if ours else self.status.code

    @property
    def backups(self) -> tuple[Told, ...]:
        """Those of the repository that the agent works with, oldest first."""
        ours = (told for told in self.backup if told.database.repo_key == REPO)
        return tuple(sorted(ours, key=lambda told: (told.timestamp.stop, told.label)))

    def version(self, told: Told) -> str:
        """Return the major version of the server of a backup, as PostgreSQL writes it."""
        return next((server.version for server in self.db if server.id == told.database.id), "")


def look(engine: Engine) -> Stanza:
    """Return what is told of the stanza. Raises ListingFailed when that cannot be understood."""
    try:
        told = engine.read("info", "--output=json")
        stanzas = msgspec.json.decode(told, type=tuple[Stanza, ...])
    except ValueError as error:
        raise ListingFailed(f"pgbackrest tells of its backups in a way that is not understood: {error}") from error
    except RunFailed as error:
        raise ListingFailed(str(error) if isinstance(error, Failed) else f"{error}: {INSTALL}") from error
    found = [stanza for stanza in stanzas if stanza.name == engine.stanza]
    if not found:
        raise ListingFailed(f"pgbackrest knows no stanza {engine.stanza}: is it in {engine.config}?")
    return found[0]


def listed(engine: Engine) -> Stanza:
    """As `look`; raises ListingFailed unless all backups are told."""
    stanza = look(engine)
    if stanza.code not in (OK, NO_BACKUP):
        raise ListingFailed(f"pgbackrest cannot tell the backups of {engine.stanza}: {stanza.status.message}")
    return stanza


def backup_of(engine: Engine, stanza: Stanza, told: Told) -> Backup:
    """Given a backup in pgBackRest's words, return it in the agent's; raises ListingFailed for an unknown kind."""
    if told.type not in _LEVELS:
        raise ListingFailed(f"pgbackrest tells of {told.label}, a {told.type} backup, which is not known here")
    known = told.annotation
    facts = {
        "server": stanza.version(told),
        "size": str(told.info.size),
        "wal_start": told.archive.start or "",
        "wal_stop": told.archive.stop or "",
        "lsn_start": told.lsn.start or "",
        "lsn_stop": told.lsn.stop or "",
        "archive": f"{stanza.version(told)}-{told.database.id}",
    }
    part = Part(
        kind="postgresql",
        name=known.get(DATABASE, engine.stanza),
        form=FORM,
        bytes=told.info.delta,
        stored=told.info.repository.delta,
        facts=facts,
    )
    wrong = f"pages with wrong checksums were read: `pgbackrest --stanza={engine.stanza} info --set={told.label}`"
    return Backup(
        id=told.label,
        repository=engine.name,
        host=known.get(HOST, ""),
        task=known.get(TASK, ""),
        level=_LEVELS[told.type],
        parent=told.prior or "",
        began=float(told.timestamp.start),
        ended=float(told.timestamp.stop),
        parts=(part,),
        files=0,
        flaws=(wrong,) if told.error else (),
        version=told.backrest.version,
    )
