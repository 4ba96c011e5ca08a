"""What audits and analyses found, by task; a finding that is found again stays the same one."""

from __future__ import annotations

import json
from collections.abc import Sequence

import msgspec

from agent.failpoints import reach
from agent.model.findings import WORST, Finding
from agent.model.signals import Sample
from agent.store.connection import Connection
from agent.store.seal import seal, verified

MOST = 500
"""So many findings of a task are kept: those that were last seen last."""

_COLUMNS = "task, id, last_seen, body"


class Findings:
    """The findings of a store, and the numbers that tasks found; fits `agent.ports.Discoveries` for one task."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def found(self, findings: Sequence[Finding]) -> None:
        """Remember findings; of one that is known, when it was first seen."""
        if not findings:
            return
        reach("findings.found:before")
        with self._db.transaction():
            for finding in findings:
                known = self._one(finding.task, finding.id)
                first = finding.first_seen if known is None else min(known.first_seen, finding.first_seen)
                body = msgspec.json.encode(msgspec.structs.replace(finding, first_seen=first)).decode()
                values = (finding.task, finding.id, finding.last_seen, body)
                self._db.rows(
                    "INSERT OR REPLACE INTO findings VALUES (?, ?, ?, ?, ?)", (*values, seal("findings", values))
                )
            for task in {finding.task for finding in findings}:
                self._db.rows(
                    "DELETE FROM findings WHERE task = ? AND id NOT IN "
                    "(SELECT id FROM findings WHERE task = ? ORDER BY last_seen DESC, id LIMIT ?)",
                    (task, task, MOST),
                )
        reach("findings.found:after")

    def settled(self, task: str, finding: str) -> bool:
        """Forget a finding that no longer holds, or that a person has dealt with; return whether there was one."""
        there = self._one(task, finding) is not None
        self._db.rows("DELETE FROM findings WHERE task = ? AND id = ?", (task, finding))
        return there

    def listed(self, task: str | None = None) -> list[Finding]:
        """Return the findings of a task, or of all, the worst first and of these the newest."""
        where, values = ("WHERE task = ?", (task,)) if task is not None else ("", ())
        rows = self._db.rows(f"SELECT {_COLUMNS}, seal FROM findings {where}", values)
        found = [_finding(str(verified("findings", row)[3])) for row in rows]
        return sorted(found, key=lambda one: (WORST[one.severity], -one.last_seen, one.task, one.id))

    def measured(self, task: str, at: float, samples: Sequence[Sample]) -> None:
        """Remember the numbers that a task found last, in the place of those before."""
        body = json.dumps([[one.signal, one.labels, one.value] for one in samples])
        values = (task, at, body)
        reach("findings.measured:before")
        self._db.rows("INSERT OR REPLACE INTO readings VALUES (?, ?, ?, ?)", (*values, seal("readings", values)))
        reach("findings.measured:after")

    def readings(self, task: str) -> tuple[float, tuple[Sample, ...]] | None:
        """Return when a task found numbers last, and these; None if it never did."""
        rows = self._db.rows("SELECT task, at, body, seal FROM readings WHERE task = ?", (task,))
        if not rows:
            return None
        _, at, body = verified("readings", rows[0])
        samples = [
            Sample(str(signal), tuple((str(name), str(value)) for name, value in labels), float(number))
            for signal, labels, number in json.loads(str(body))
        ]
        return float(at or 0), tuple(samples)

    def _one(self, task: str, finding: str) -> Finding | None:
        rows = self._db.rows(f"SELECT {_COLUMNS}, seal FROM findings WHERE task = ? AND id = ?", (task, finding))
        return _finding(str(verified("findings", rows[0])[3])) if rows else None


def _finding(body: str) -> Finding:
    return msgspec.json.decode(body, type=Finding)
