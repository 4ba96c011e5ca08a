"""Whether the history is what was written: the chain record by record, and the rows that each record tells of.

The chain needs no secret, so whoever can write the store can also make a whole new chain. That is seen only by a head
that was noted elsewhere: in the journal, in the file of heads, in Prometheus, or on paper.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import chain

from agent.errors import StoreError
from agent.store import Store
from agent.store.chain import FIELDS, NOTHING, Head, Kind, Record, record_hash, record_of
from agent.store.connection import Connection
from agent.store.told import Told, without_records
from agent.store.verdict import Fault, Finding, Verdict


def verify(store: Store, heads: Iterable[tuple[Head, str]] = ()) -> Verdict:
    """Given an open store and heads known elsewhere, each with where it was found, return what is wrong.

    Heads come first, because the agent may go on writing: a head noted after the chain was read would seem too new.
    """
    verdict = Verdict()
    against = _against(store, heads, verdict)
    with store.connection.snapshot():
        later = Verdict()
        for finding in _walked(store, verdict, later.add):
            verdict.add(finding)
        # A record that is gone makes an older one the last word on its rows, so what rows say comes second.
        for finding in chain(later.findings, without_records(store.connection), against):
            verdict.add(finding)
        verdict.more += later.more
    return verdict


def _against(store: Store, heads: Iterable[tuple[Head, str]], verdict: Verdict) -> list[Finding]:
    """Return what heads say against the chain: the first cut off, the earliest not in it, the last beyond its end."""
    agreed = 0
    cut_before = store.chain.forgot_before(Kind.CUT) or 0.0
    found: dict[Fault, tuple[Head, str]] = {}
    for head, source in heads:
        last = store.chain.head() or Head(0, NOTHING)
        known = store.chain.has(head)
        verdict.heads += known is not None
        if known:
            agreed = max(agreed, head.seq)
        elif known is None:
            if head.at is not None and head.at > cut_before:
                found.setdefault(Fault.REMOVED, (head, source))
        elif head.seq > last.seq:
            found[Fault.ROLLED_BACK] = max(found.get(Fault.ROLLED_BACK, (head, source)), (head, source), key=_place)
        else:
            found[Fault.REWRITTEN] = min(found.get(Fault.REWRITTEN, (head, source)), (head, source), key=_place)
    last = store.chain.head() or Head(0, NOTHING)
    return [_said(fault, *found[fault], agreed, last.seq) for fault in _ORDER if fault in found]


_ORDER = (Fault.REMOVED, Fault.REWRITTEN, Fault.ROLLED_BACK)


def _place(known: tuple[Head, str]) -> int:
    return known[0].seq


def _said(fault: Fault, head: Head, source: str, agreed: int, last: int) -> Finding:
    """Given a head that the chain does not fit, the last place that a head agrees with and the chain's last, say so."""
    if fault is Fault.REMOVED:
        sentence = "which was cut off although it is younger than all that the cut names"
        return Finding(head.seq, fault, f"{source} knows record {head.seq}, {sentence}")
    if fault is Fault.ROLLED_BACK:
        sentence = f"the last {head.seq - last} records are gone, or an older store was put in its place"
        return Finding(
            last + 1, fault, f"{source} knows record {head.seq}, and the store ends at record {last}: {sentence}"
        )
    place = f"between {agreed + 1} and {head.seq}" if agreed + 1 < head.seq else f"at {head.seq} or earlier"
    sentence = f"the chain was written anew from a place {place}, or this is another store"
    return Finding(
        min(agreed + 1, head.seq),
        fault,
        f"{source} knows record {head.seq} with another hash ({head.hash[:12]}...): {sentence}",
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
    rows = Told(store)
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
                return Head(record.seq - 1, str(digest).partition(":")[0])
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
