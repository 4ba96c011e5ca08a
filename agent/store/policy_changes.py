"""Which policy sets were put in force on this host, and what each changed."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import msgspec

from agent.errors import StoreError
from agent.model.incidents import PolicyChange
from agent.store.connection import Connection
from agent.store.seal import Value, seal, verified

LOG = logging.getLogger(__name__)
MOST = 1000
"""So many changes are kept: the newest."""


class PolicyChanges:
    """The changes of policies of a store."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def add(self, change: PolicyChange) -> None:
        """Remember a set that was put in force; the same as was in force last is no change."""
        with self._db.transaction():
            last = self._read("ORDER BY rowid DESC LIMIT 1")
            if last and last[0].digest == change.digest:
                return
            values = (change.at, msgspec.json.encode(change).decode())
            self._db.rows("INSERT INTO policy_changes VALUES (?, ?, ?)", (*values, seal("policy_changes", values)))
            old = "SELECT rowid FROM policy_changes ORDER BY rowid DESC LIMIT -1 OFFSET ?"
            self._db.rows(f"DELETE FROM policy_changes WHERE rowid IN ({old})", (MOST,))

    def since(self, at: float) -> list[PolicyChange]:
        """Return the changes since an instant (seconds since the epoch), in the order they came."""
        return self._read("WHERE at >= ? ORDER BY rowid", (at,))

    def _read(self, where: str, values: Sequence[Value] = ()) -> list[PolicyChange]:
        rows = self._db.rows(f"SELECT at, body, seal FROM policy_changes {where}", values)
        found = []
        for row in rows:
            try:
                found.append(msgspec.json.decode(str(verified("policy_changes", row)[1]), type=PolicyChange))
            except StoreError as error:
                # It costs that change alone: policies come into force all the same.
                LOG.error("a change of policies is lost: %s", error)
        return found
