"""The rows that the records of the chain tell of: whether they stand as they were told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from agent.errors import StoreError
from agent.store import Store
from agent.store.chain import CARRIED, LEAST_KEPT, Kind, Record, instant_in
from agent.store.connection import Connection
from agent.store.spans import Spans
from agent.store.verdict import Fault, Finding, Verdict


class Told:
    """Compares what records tell of with the rows there are."""

    def __init__(self, store: Store) -> None:
        self._db = store.connection
        self._chain = store.chain
        self._forgotten = Spans()
        self._forgotten_before = 0.0
        with suppress(StoreError):  # whichever record cannot be read is found on the walk
            self._forgotten = store.chain.forgotten()
            self._forgotten_before = store.chain.forgot_before(Kind.PRUNED) or 0.0

    def told(self, record: Record, verdict: Verdict) -> Iterator[Finding]:
        """Given a record, yield what is wrong with its rows, if it is the last word on them."""
        if record.kind == Kind.RUN and record.subject.isdigit():
            # Not the last record alone: no run changes after its end, so nobody may say later that it was another.
            verdict.runs += self._is_last(record)
            yield from self._run(record, int(record.subject))
        elif record.kind in (Kind.PRUNED, Kind.CUT):
            yield from self._forgetting(record, verdict)
        elif record.kind == Kind.HOLD and self._is_last(record):
            yield from self._hold(record)

    def _is_last(self, record: Record) -> bool:
        last = "SELECT max(seq) FROM history WHERE kind = ? AND subject = ?"
        return self._db.rows(last, (record.kind, record.subject))[0][0] == record.seq

    def _is_old(self, record: Record) -> bool:
        """Tell whether what a record tells of ended before the last instant before which anything was forgotten."""
        return record.at < self._forgotten_before or record.digest.startswith(CARRIED)

    def _run(self, record: Record, run: int) -> Iterator[Finding]:
        try:
            digest = self._chain.digest_of_run(run)
        except StoreError:
            yield Finding(record.seq, Fault.UNREADABLE, f"run {run} or a step of it holds what is no text", run)
            return
        if digest is None and not (run in self._forgotten and self._is_old(record)):
            yield Finding(record.seq, Fault.REMOVED, f"run {run} is gone, and was not forgotten for its age", run)
        elif digest is not None and digest != record.digest.removeprefix(CARRIED):
            yield Finding(record.seq, Fault.EDITED, f"run {run} or a step of it is not what it was at its end", run)

    def _forgetting(self, record: Record, verdict: Verdict) -> Iterator[Finding]:
        before = instant_in(record.digest)
        kept = 0.0 if before is None else record.at - before
        verdict.kept = kept if verdict.kept is None else min(verdict.kept, kept)
        if kept < LEAST_KEPT:
            yield Finding(record.seq, Fault.REMOVED, f"record {record.seq} forgot what was less than a day old")

    def _hold(self, record: Record) -> Iterator[Finding]:
        try:
            digest = self._chain.digest_of_hold(record.subject)
        except StoreError:
            digest = ""
        if digest is None:
            yield Finding(record.seq, Fault.REMOVED, f"the hold of {record.subject!r} is gone")
        elif digest != record.digest.removeprefix(CARRIED):
            yield Finding(record.seq, Fault.EDITED, f"the hold of {record.subject!r} is not what was written")


def without_records(db: Connection) -> Iterator[Finding]:
    """Yield rows that no record tells of."""
    recorded = "SELECT 1 FROM history WHERE kind = ? AND subject ="
    for run in _paged(db, f"ended IS NOT NULL AND NOT EXISTS ({recorded} CAST(id AS TEXT))", Kind.RUN):
        yield Finding(0, Fault.INSERTED, f"run {run} has ended, and no record tells of its end", run)
    for (name,) in db.rows(f"SELECT name FROM holds WHERE NOT EXISTS ({recorded} name)", (Kind.HOLD,)):
        yield Finding(0, Fault.INSERTED, f"no record tells of the hold of {name!r}")
    for (orphan,) in db.rows("SELECT DISTINCT run FROM steps WHERE run NOT IN (SELECT id FROM runs) LIMIT 20"):
        yield Finding(0, Fault.INSERTED, f"there are steps of run {orphan}, and no such run")


def _paged(db: Connection, where: str, kind: Kind) -> Iterator[int]:
    last = 0
    query = f"SELECT id FROM runs WHERE id > ? AND {where} ORDER BY id LIMIT 500"
    while rows := db.rows(query, (last, kind)):
        for row in rows:
            last = int(row[0] or 0)
            yield last
