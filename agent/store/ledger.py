"""What this host knows of its backups: those it made, which were restored to prove them, and which were read.

Repositories describe themselves, so losing this loses no backup; it tells what a repository does not: what a listing
ought to hold, and what was found out about each backup.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from agent.failpoints import reach
from agent.model.backups import Backup, Proof, Verification
from agent.store.connection import Connection
from agent.store.seal import Value, seal, verified

MOST = 1000
"""So many backups, proofs and verifications are kept of a task in a repository: the newest."""

_INSTANTS = {"backups": "began", "proofs": "at", "verifications": "at"}
"""By table, the column that says which rows are newer."""


BACKUPS = "repository, id, task, began, stored, body"
PROOFS = "repository, id, task, at, body"
VERIFICATIONS = "repository, id, task, at, deep, flaws, body"
_HOLDS = (
    "NOT EXISTS (SELECT 1 FROM verifications AS v WHERE v.repository = {0}.repository AND v.id = {0}.id AND v.flaws "
    "AND v.at >= {0}.at)"
)
"""Of a proof: no damage was found in its backup since."""

CHANGES = "ledger"
"""The fact of the store that counts how often the ledger was written to."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Where the backups of one task in one repository stand, by what this host knows. Instants are None for never.

    `proven` is when the newest proven backup began: what a disaster now would go back to. `damaged` counts backups in
    which the verification that stands found flaws, and which were not proven since; neither `proven` nor `last_proof`
    is of one of them. Of the `stored` bytes, `read` were
    read by deep verifications, of which `last_deep` was the last, and `oldest_deep` is that of the backup that was not
    read for the longest; it is None while there is one that never was.
    """

    repository: str
    task: str
    backups: int
    newest: Backup | None
    proven: float | None
    last_proof: Proof | None
    damaged: int
    stored: int
    read: int
    last_deep: float | None
    oldest_deep: float | None


class Ledger:
    """The ledger of a store; fits `agent.ports.Ledger`."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def made(self, backup: Backup) -> None:
        """Remember a backup that was made."""
        values = (backup.repository, backup.id, backup.task, backup.began, backup.stored, _text(backup))
        reach("ledger.made:before")
        with self._db.transaction():
            self._put("backups", values)
        reach("ledger.made:after")

    def known(self, repository: str, task: str) -> tuple[Backup, ...]:
        """Return the backups of a task that were made by this host and not removed since, oldest first."""
        where = "WHERE repository = ? AND task = ? ORDER BY began, id"
        return tuple(self._bodies("backups", BACKUPS, where, (repository, task), Backup))

    def tasks(self, repository: str) -> tuple[str, ...]:
        """Return the names of the tasks of which backups are known, in order."""
        rows = self._db.rows("SELECT DISTINCT task FROM backups WHERE repository = ? ORDER BY task", (repository,))
        return tuple(str(task) for (task,) in rows)

    def removed(self, repository: str, backups: Sequence[str]) -> None:
        """Forget backups, and what is known of them, by id."""
        if not backups:
            return
        reach("ledger.removed:before")
        with self._db.transaction():
            for table in _INSTANTS:
                for backup in backups:
                    self._db.rows(f"DELETE FROM {table} WHERE repository = ? AND id = ?", (repository, backup))
            self._changed()
        reach("ledger.removed:after")

    def proved(self, proof: Proof) -> None:
        """Remember a restore that succeeded; of a backup the newest counts."""
        values = (proof.repository, proof.backup, proof.task, proof.at, _text(proof))
        reach("ledger.proved:before")
        with self._db.transaction():
            self._put("proofs", values)
        reach("ledger.proved:after")

    def proofs(self, repository: str) -> Mapping[str, Proof]:
        """Return the newest proof of each backup of a repository, by id."""
        found = self._bodies("proofs", PROOFS, "WHERE repository = ?", (repository,), Proof)
        return {proof.backup: proof for proof in found}

    def verified(self, verification: Verification) -> None:
        """Remember a verification, whatever it found; a look at the structure alone does not clear what stands."""
        found = verification
        what = (int(found.deep), len(found.flaws))
        values = (found.repository, found.backup, found.task, found.at, *what, _text(found))
        reach("ledger.verified:before")
        with self._db.transaction():
            standing = "SELECT 1 FROM verifications WHERE repository = ? AND id = ? AND (deep OR flaws)"
            if any(what) or not self._db.rows(standing, (found.repository, found.backup)):
                self._put("verifications", values)
        reach("ledger.verified:after")

    def verifications(self, repository: str) -> Mapping[str, Verification]:
        """Return by id the newest verification of each backup that was deep or found flaws, else the newest at all."""
        where = "WHERE repository = ?"
        found = self._bodies("verifications", VERIFICATIONS, where, (repository,), Verification)
        return {verification.backup: verification for verification in found}

    def changes(self) -> int:
        """Return a number that grows with everything that is written here, by whichever process."""
        rows = self._db.rows("SELECT value FROM facts_of_store WHERE key = ?", (CHANGES,))
        return int(str(rows[0][0])) if rows else 0

    def standing(self, repository: str, task: str) -> Standing:
        """Return where the backups of a task in a repository stand; it costs little, however many there are."""
        place, where = (repository, task), "WHERE repository = ? AND task = ?"
        newest = self._bodies("backups", BACKUPS, f"{where} ORDER BY began DESC, id DESC LIMIT 1", place, Backup)
        holding = f"{where} AND {_HOLDS.format('proofs')} ORDER BY at DESC, id DESC LIMIT 1"
        proofs = self._bodies("proofs", PROOFS, holding, place, Proof)
        both = "backups AS b {} JOIN {} AS o ON o.repository = b.repository AND o.id = b.id"
        of = "WHERE b.repository = ? AND b.task = ?"
        ((proven,),) = self._db.rows(
            f"SELECT max(b.began) FROM {both.format('', 'proofs')} {of} AND {_HOLDS.format('o')}", place
        )
        ((last,),) = self._db.rows(f"SELECT max(at) FROM verifications {where} AND deep", place)
        ((damaged,),) = self._db.rows(
            "SELECT count(*) FROM verifications AS v LEFT JOIN proofs AS p ON p.repository = v.repository AND "
            "p.id = v.id WHERE v.repository = ? AND v.task = ? AND v.flaws AND (p.at IS NULL OR p.at <= v.at)",
            place,
        )
        ((count, stored, read, deep, oldest),) = self._db.rows(
            "SELECT count(*), coalesce(sum(b.stored), 0), coalesce(sum(CASE WHEN o.deep THEN b.stored END), 0), "
            f"coalesce(sum(o.deep), 0), min(o.at) FROM {both.format('LEFT', 'verifications')} {of}",
            place,
        )
        return Standing(
            repository=repository,
            task=task,
            backups=int(count or 0),
            newest=newest[0] if newest else None,
            proven=_instant(proven),
            last_proof=proofs[0] if proofs else None,
            damaged=int(damaged or 0),
            stored=int(stored or 0),
            read=int(read or 0),
            last_deep=_instant(last),
            oldest_deep=_instant(oldest) if deep == count else None,
        )

    def _put(self, table: str, values: tuple[Value, ...]) -> None:
        """Write a row, and forget the oldest of its series beyond the most that are kept."""
        marks = ", ".join("?" * (len(values) + 1))
        self._db.rows(f"INSERT OR REPLACE INTO {table} VALUES ({marks})", (*values, seal(table, values)))
        repository, _, task = values[:3]
        self._db.rows(
            f"DELETE FROM {table} WHERE repository = ? AND id IN (SELECT id FROM {table} WHERE repository = ? AND "
            f"task = ? ORDER BY {_INSTANTS[table]} DESC, id DESC LIMIT -1 OFFSET ?)",
            (repository, repository, task, MOST),
        )
        self._changed()

    def _changed(self) -> None:
        self._db.rows("INSERT OR REPLACE INTO facts_of_store VALUES (?, ?)", (CHANGES, str(self.changes() + 1)))

    def _bodies(self, table: str, columns: str, where: str, values: tuple[Value, ...], kind: type[Any]) -> list[Any]:
        rows = self._db.rows(f"SELECT {columns}, seal FROM {table} {where}", values)
        return [msgspec.json.decode(str(verified(table, row, row[1])[-1]), type=kind) for row in rows]


def _text(value: msgspec.Struct) -> str:
    return msgspec.json.encode(value).decode()


def _instant(value: Value) -> float | None:
    return None if value is None else float(value)
