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


class Series(msgspec.Struct, frozen=True):
    """All that is known of the backups of one task in one repository: they are oldest first, the rest is by id."""

    repository: str
    task: str
    backups: tuple[Backup, ...]
    proofs: Mapping[str, Proof]
    verifications: Mapping[str, Verification]


class Ledger:
    """The ledger of a store; fits `agent.ports.Ledger`."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def made(self, backup: Backup) -> None:
        """Remember a backup that was made."""
        values = (backup.repository, backup.id, backup.task, backup.began, _text(backup))
        reach("ledger.made:before")
        with self._db.transaction():
            self._put("backups", values)
        reach("ledger.made:after")

    def known(self, repository: str, task: str) -> tuple[Backup, ...]:
        """Return the backups of a task that were made by this host and not removed since, oldest first."""
        where = "WHERE repository = ? AND task = ? ORDER BY began, id"
        return tuple(self._bodies("backups", "repository, id, task, began, body", where, (repository, task), Backup))

    def removed(self, repository: str, backups: Sequence[str]) -> None:
        """Forget backups, and what is known of them, by id."""
        if not backups:
            return
        reach("ledger.removed:before")
        with self._db.transaction():
            for table in _INSTANTS:
                for backup in backups:
                    self._db.rows(f"DELETE FROM {table} WHERE repository = ? AND id = ?", (repository, backup))
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
        found = self._bodies("proofs", "repository, id, task, at, body", "WHERE repository = ?", (repository,), Proof)
        return {proof.backup: proof for proof in found}

    def verified(self, verification: Verification) -> None:
        """Remember a verification, whatever it found; a look at the structure alone does not clear what stands."""
        found = verification
        stands = int(found.deep or bool(found.flaws))
        values = (found.repository, found.backup, found.task, found.at, stands, _text(found))
        reach("ledger.verified:before")
        with self._db.transaction():
            standing = "SELECT 1 FROM verifications WHERE repository = ? AND id = ? AND stands"
            if stands or not self._db.rows(standing, (found.repository, found.backup)):
                self._put("verifications", values)
        reach("ledger.verified:after")

    def verifications(self, repository: str) -> Mapping[str, Verification]:
        """Return by id the newest verification of each backup that was deep or found flaws, else the newest at all."""
        columns, where = "repository, id, task, at, stands, body", "WHERE repository = ?"
        found = self._bodies("verifications", columns, where, (repository,), Verification)
        return {verification.backup: verification for verification in found}

    def series(self, most: int) -> list[Series]:
        """Return what is known of the backups of each task in each repository, by both names, at most so many."""
        names = "SELECT DISTINCT repository, task FROM backups ORDER BY repository, task LIMIT ?"
        return [self._series(str(repository), str(task)) for repository, task in self._db.rows(names, (most,))]

    def _series(self, repository: str, task: str) -> Series:
        place, where = (repository, task), "WHERE repository = ? AND task = ?"
        proofs = self._bodies("proofs", "repository, id, task, at, body", where, place, Proof)
        columns = "repository, id, task, at, stands, body"
        verifications = self._bodies("verifications", columns, where, place, Verification)
        return Series(
            repository,
            task,
            self.known(repository, task),
            {proof.backup: proof for proof in proofs},
            {verification.backup: verification for verification in verifications},
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

    def _bodies(self, table: str, columns: str, where: str, values: tuple[Value, ...], kind: type[Any]) -> list[Any]:
        rows = self._db.rows(f"SELECT {columns}, seal FROM {table} {where}", values)
        return [msgspec.json.decode(str(verified(table, row, row[1])[-1]), type=kind) for row in rows]


def _text(value: msgspec.Struct) -> str:
    return msgspec.json.encode(value).decode()
