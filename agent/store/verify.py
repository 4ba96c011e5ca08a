"""Whether the history is what was written: the chain record by record, and the rows that each record tells of.

The chain needs no secret, so whoever can write the store can also make a whole new chain. That is seen only by a head
that was noted elsewhere: in the journal, in the file of heads, in Prometheus, or on paper.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from enum import StrEnum
from itertools import chain

from msgspec import Struct, field

from agent.errors import StoreError
from agent.store import Store
from agent.store.chain import FIELDS, NOTHING, Head, Kind, Record, record_hash, record_of
from agent.store.connection import Connection
from agent.store.spans import Spans

MOST_NAMED = 20
"""Findings that are named; further ones are counted."""


class Fault(StrEnum):
    """What is wrong at a place of the history."""

    EDITED = "edited"
    REMOVED = "removed"
    REORDERED = "reordered"
    INSERTED = "inserted"
    UNREADABLE = "unreadable"
    ROLLED_BACK = "rolled_back"
    REWRITTEN = "rewritten"


class Finding(Struct, frozen=True):
    """One thing wrong: the place in the chain (0 where the chain has none), and the run where there is one."""

    seq: int
    fault: Fault
    sentence: str
    run: int | None = None


class Verdict(Struct):
    """What was looked at and what was found; `more` counts findings that are not named.

    Breaks of the chain come first, then rows that are not what the chain says, then what heads from elsewhere say; each
    kind in the order of the chain.
    """

    head: Head | None = None
    first: int = 0
    records: int = 0
    runs: int = 0
    heads: int = 0
    findings: list[Finding] = field(default_factory=list)
    more: int = 0

    @property
    def intact(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    def add(self, finding: Finding) -> None:
        """Add a finding, or count it when enough are named."""
        if len(self.findings) < MOST_NAMED:
            self.findings.append(finding)
        else:
            self.more += 1


def verify(store: Store, heads: Iterable[tuple[Head, str]] = ()) -> Verdict:
    """Given an open store and heads known elsewhere, each with where it was found, return what is wrong.

    Heads come first, because the agent may go on writing: a head noted after the chain was read would seem too new.
    """
    verdict = Verdict()
    against = list(_against(store, heads, verdict))
    with store.connection.snapshot():
        later = Verdict()
        for finding in _walked(store, verdict, later.add):
            verdict.add(finding)
        # A record that is gone makes an older one the last word on its rows, so what rows say comes second.
        for finding in chain(later.findings, _without_records(store.connection), against):
            verdict.add(finding)
        verdict.more += later.more
    return verdict


def _against(store: Store, heads: Iterable[tuple[Head, str]], verdict: Verdict) -> Iterator[Finding]:
    """Yield what the heads say against the chain: the earliest that is not in it, and the last that is beyond it."""
    agreed, wrong, beyond = 0, None, None
    for head, source in heads:
        last = store.chain.head() or Head(0, NOTHING)
        known = store.chain.has(head)
        verdict.heads += known is not None
        if known:
            agreed = max(agreed, head.seq)
        elif known is False and head.seq > last.seq:
            beyond = max(beyond or (head, source), (head, source), key=lambda one: one[0].seq)
        elif known is False:
            wrong = min(wrong or (head, source), (head, source), key=lambda one: one[0].seq)
    last = store.chain.head() or Head(0, NOTHING)
    if wrong is not None:
        head, source = wrong
        place = f"between {agreed + 1} and {head.seq}" if agreed + 1 < head.seq else f"at {head.seq}"
        if agreed >= head.seq:
            place = f"at {head.seq} or earlier"
        yield Finding(
            min(agreed + 1, head.seq),
            Fault.REWRITTEN,
            f"{source} knows record {head.seq} with another hash ({head.hash[:12]}...): the chain was written anew "
            f"from a place {place}, or this is another store",
        )
    if beyond is not None:
        head, source = beyond
        yield Finding(
            last.seq + 1,
            Fault.ROLLED_BACK,
            f"{source} knows record {head.seq}, and the store ends at record {last.seq}: "
            f"the last {head.seq - last.seq} records are gone, or an older store was put in its place",
        )


def _records(db: Connection) -> Iterator[Record | Finding]:
    """Yield the records in order; one that cannot be read is a finding."""
    last = -(2**63)
    while places := db.rows("SELECT seq FROM history WHERE seq > ? ORDER BY seq LIMIT 500", (last,)):
        with suppress(StoreError):
            rows = db.rows(f"SELECT {FIELDS} FROM history WHERE seq > ? ORDER BY seq LIMIT 500", (last,))
            last = int(rows[-1][0] or 0)
            yield from map(record_of, rows)
            continue
        for (place,) in places:
            last = int(place or 0)
            try:
                yield record_of(db.rows(f"SELECT {FIELDS} FROM history WHERE seq = ?", (last,))[0])
            except StoreError:
                yield Finding(last, Fault.UNREADABLE, f"record {last} holds what is no text")


def _walked(store: Store, verdict: Verdict, of_rows: Callable[[Finding], None]) -> Iterator[Finding]:
    """Yield what is wrong with the chain, and hand over what is wrong with the rows its records tell of."""
    walk = _Walk(store.connection)
    rows = _Rows(store)
    verdict.head = store.chain.head()
    for record in _records(store.connection):
        verdict.records += 1
        verdict.first = verdict.first or record.seq
        if isinstance(record, Finding):
            yield record
            walk.lose(record.seq)
            continue
        yield from walk.next(record)
        for finding in rows.told(record, verdict):
            of_rows(finding)
    if verdict.head is None:
        yield Finding(1, Fault.REMOVED, "the chain has no record at all")


class _Walk:
    """Follows the chain; after a break it goes on from the hash that stands there."""

    def __init__(self, db: Connection) -> None:
        self._db = db
        self._earlier: Head | None = None
        self._before: Head | None = None
        self._searched = False

    def lose(self, seq: int) -> None:
        """The record at a place cannot be followed."""
        self._earlier, self._before = None, Head(seq, "")

    def next(self, record: Record) -> Iterator[Finding]:
        """Given the next record, yield what is wrong between it and the one before."""
        before = self._before or self._start(record)
        if record.seq != before.seq + 1:
            yield _gap(before.seq + 1, record.seq - 1)
            before = Head(record.seq - 1, "")
        if record.seq == 1 and record.kind != Kind.GENESIS:
            yield Finding(1, Fault.EDITED, "record 1 does not begin a chain")
        elif before.hash and _follows(before.hash, record.seq, record) != record.hash:
            yield self._misfit(before, record)
        self._earlier, self._before = before, Head(record.seq, record.hash)

    def _start(self, record: Record) -> Head:
        """Return what the first record there is must follow: nothing, or the last record that was cut off."""
        cuts = self._db.rows("SELECT subject, digest FROM history WHERE kind = ? ORDER BY seq", (Kind.CUT,))
        for subject, digest in cuts:
            if subject == str(record.seq - 1):
                return Head(record.seq - 1, str(digest))
        last = str(cuts[-1][0]) if cuts else "0"
        return Head(int(last), "") if last.isdigit() and cuts else Head(0, NOTHING)

    def _misfit(self, before: Head, record: Record) -> Finding:
        """Say what happened where a record does not follow the one before it."""
        earlier = self._earlier
        if earlier is not None and earlier.hash and _follows(earlier.hash, before.seq, record) == record.hash:
            return Finding(before.seq, Fault.INSERTED, f"record {before.seq} was put in between")
        if not self._searched:
            self._searched = True
            for other in _records(self._db):
                if isinstance(other, Record) and _follows(before.hash, record.seq, other) == other.hash:
                    sentence = f"the record that belongs at {record.seq} stands at {other.seq}"
                    return Finding(record.seq, Fault.REORDERED, sentence)
        sentence = f"record {record.seq} is not what was written, or one that stood before it is gone"
        return Finding(record.seq, Fault.EDITED, sentence)


def _follows(previous: str, seq: int, record: Record) -> str:
    """Return the hash that a record would have at a place after a hash."""
    return record_hash(previous, seq, record.kind, record.subject, record.digest, record.at)


def _gap(first: int, last: int) -> Finding:
    if last < first:
        return Finding(last + 1, Fault.REORDERED, f"record {last + 1} stands twice")
    which = f"record {first} is" if first == last else f"records {first} to {last} are"
    return Finding(first, Fault.REMOVED, f"{which} gone")


class _Rows:
    """Compares what records tell of with the rows there are."""

    def __init__(self, store: Store) -> None:
        self._db = store.connection
        self._chain = store.chain
        self._forgotten = Spans()
        with suppress(StoreError):  # whichever record cannot be read is found on the walk
            self._forgotten = store.chain.forgotten()

    def told(self, record: Record, verdict: Verdict) -> Iterator[Finding]:
        """Given a record, yield what is wrong with its rows, if it is the last word on them."""
        if record.kind == Kind.RUN and record.subject.isdigit() and self._is_last(record):
            verdict.runs += 1
            yield from self._run(record, int(record.subject))
        elif record.kind == Kind.HOLD and self._is_last(record):
            yield from self._hold(record)

    def _is_last(self, record: Record) -> bool:
        last = "SELECT max(seq) FROM history WHERE kind = ? AND subject = ?"
        return self._db.rows(last, (record.kind, record.subject))[0][0] == record.seq

    def _run(self, record: Record, run: int) -> Iterator[Finding]:
        try:
            digest = self._chain.digest_of_run(run)
        except StoreError:
            yield Finding(record.seq, Fault.UNREADABLE, f"run {run} or a step of it holds what is no text", run)
            return
        if digest is None and run not in self._forgotten:
            yield Finding(record.seq, Fault.REMOVED, f"run {run} is gone, and was not forgotten for its age", run)
        elif digest is not None and digest != record.digest:
            yield Finding(record.seq, Fault.EDITED, f"run {run} or a step of it is not what it was at its end", run)

    def _hold(self, record: Record) -> Iterator[Finding]:
        try:
            digest = self._chain.digest_of_hold(record.subject)
        except StoreError:
            digest = ""
        if digest is None:
            yield Finding(record.seq, Fault.REMOVED, f"the hold of {record.subject!r} is gone")
        elif digest != record.digest:
            yield Finding(record.seq, Fault.EDITED, f"the hold of {record.subject!r} is not what was written")


def _without_records(db: Connection) -> Iterator[Finding]:
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
