"""The hash chain of the history: one record for each end of a run, each hold, each policy set put in force.

A record's hash covers the hash before it, so none can be edited, removed or moved without every hash after it becoming
another one. Records are written in the transaction of what they tell of. Old ones are cut off once all they tell of has
been forgotten; the record of a cut holds the hash that the rest follows from.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from enum import StrEnum

from msgspec import Struct

from agent.digests import sha256
from agent.errors import StoreError
from agent.store.connection import Connection
from agent.store.seal import Value
from agent.store.spans import Spans

NOTHING = "0" * 64
"""What the first record follows."""

CUT_AT_LEAST = 4096
CUT_AT_MOST = 8192
"""So many records are cut off at a time: seldom, and never so many that others would wait for the store."""

CARRIED = "carried:"
"""Stands before a digest that was taken over from a record that was cut off: its `at` is that of the cut."""

LEAST_KEPT = 86_400.0
"""Nothing younger is ever forgotten: the least that `history` may be, in seconds."""

FIELDS = "seq, kind, subject, digest, at, hash"


class Kind(StrEnum):
    """What a record tells of, and what its subject then is."""

    GENESIS = "genesis"
    """The chain begins; a random number, so that no two chains are alike."""
    RUN = "run"
    """A run has ended; its id. The digest covers its row and its steps, which never change from then on."""
    HOLD = "hold"
    """A hold was placed or released; its name. The digest covers its row."""
    POLICIES = "policies"
    """A policy set was put in force; its digest."""
    PRUNED = "pruned"
    """Runs were forgotten because they are old; their ids, as in `1-5,8`. The digest is before which instant."""
    CUT = "cut"
    """Records were cut off; the seq of the last of them. The digest is its hash, a colon, and before which instant."""


class Record(Struct, frozen=True):
    """A record of the chain. `at` is seconds since the epoch, `digest` and `hash` are hexadecimal."""

    seq: int
    kind: str
    subject: str
    digest: str
    at: float
    hash: str


class Head(Struct, frozen=True):
    """The last record of the chain at some time: its seq, and its hash or the beginning of it.

    `at` is when the record was made, in seconds since the epoch, where that is known.
    """

    seq: int
    hash: str
    at: float | None = None

    def same(self, other: Head | None) -> bool:
        """Tell whether another head is this one."""
        return other is not None and (self.seq, self.hash) == (other.seq, other.hash)


def record_hash(previous: str, seq: int, kind: str, subject: str, digest: str, at: float) -> str:
    """Given the hash before it and a record's fields, return the record's hash as 64 hexadecimal digits."""
    return sha256(_canonical((previous, seq, kind, subject, digest, at))).hexdigest()


def digest_of_rows(rows: Iterable[Sequence[Value]]) -> str:
    """Given rows as the store returns them, return a digest of all of them in their order."""
    digest = sha256()
    for row in rows:
        digest.update(_canonical(row))
    return digest.hexdigest()


def _canonical(values: Iterable[object]) -> bytes:
    # JSON in ASCII is the same whatever version of Unicode the interpreter knows; bytes are never in a sound row.
    return json.dumps(tuple(values), ensure_ascii=True, default=repr).encode("ascii") + b"\n"


def record_of(row: Sequence[Value]) -> Record:
    """Given a row of FIELDS, return the record; what an edit made of another type is kept as text."""
    seq, kind, subject, digest, at, made = row
    moment = float(at) if isinstance(at, int | float) else 0.0
    return Record(int(seq or 0), str(kind), str(subject), str(digest), moment, str(made))


def instant_in(digest: str) -> float | None:
    """Given the digest of a record of forgetting, return before which instant it forgot; None if it does not say."""
    try:
        return float(digest.rpartition(":")[2])
    except ValueError:
        return None


def _instant(value: Value) -> float | None:
    return float(value) if isinstance(value, int | float) else None


class Chain:
    """Writes the chain. Every method joins the transaction it is called in."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def head(self) -> Head | None:
        """Return the last record's place and hash, or None in a store without a chain."""
        rows = self._db.rows("SELECT seq, hash, at FROM history ORDER BY seq DESC LIMIT 1")
        return Head(int(rows[0][0] or 0), str(rows[0][1]), _instant(rows[0][2])) if rows else None

    def has(self, head: Head) -> bool | None:
        """Tell whether a head known elsewhere is part of the chain; None when it lies before what was cut off."""
        rows = self._db.rows("SELECT hash FROM history WHERE seq = ?", (head.seq,))
        if rows:
            return str(rows[0][0]).startswith(head.hash)
        oldest = self._db.rows("SELECT min(seq) FROM history")[0][0]
        return None if oldest is not None and head.seq < int(oldest) else False

    def begin(self) -> None:
        """Begin the chain of a store that has none, with a record for each run that has ended and each hold."""
        self._append(Kind.GENESIS, os.urandom(16).hex(), "", 0.0)
        last = 0
        while rows := self._db.rows(
            "SELECT id, ended FROM runs WHERE ended IS NOT NULL AND id > ? ORDER BY id LIMIT 1000", (last,)
        ):
            for number, ended in rows:
                last = int(number or 0)
                self.run_ended(last, float(ended or 0))
        for name, since in self._db.rows("SELECT name, since FROM holds ORDER BY name"):
            self.held(str(name), float(since or 0))

    def run_ended(self, run: int, at: float) -> None:
        """Record a run as it stands in the store at its end, in seconds since the epoch."""
        self._append(Kind.RUN, str(run), self.digest_of_run(run) or "", at)

    def held(self, name: str, at: float) -> None:
        """Record a hold as it stands in the store."""
        self._append(Kind.HOLD, name, self.digest_of_hold(name) or "", at)

    def policies(self, digest: str, at: float) -> None:
        """Record that a policy set was put in force, unless it is the one that was recorded last."""
        rows = self._db.rows(
            "SELECT subject FROM history WHERE seq = (SELECT max(seq) FROM history WHERE kind = ?)", (Kind.POLICIES,)
        )
        if not rows or rows[0][0] != digest:
            self._append(Kind.POLICIES, digest, "", at)

    def pruned(self, runs: Sequence[int], before: float, at: float) -> None:
        """Record that runs which ended before an instant are forgotten, by their ids."""
        self._append(Kind.PRUNED, Spans.of(runs).text(), repr(before), at)

    def digest_of_run(self, run: int) -> str | None:
        """Return the digest of a run's row and steps as they stand; None when there is no such row."""
        rows = self._db.rows("SELECT * FROM runs WHERE id = ?", (run,))
        if not rows:
            return None
        return digest_of_rows([*rows, *self._db.rows("SELECT * FROM steps WHERE run = ? ORDER BY seq", (run,))])

    def digest_of_hold(self, name: str) -> str | None:
        """Return the digest of a hold's row as it stands; None when there is none."""
        rows = self._db.rows("SELECT * FROM holds WHERE name = ?", (name,))
        return digest_of_rows(rows) if rows else None

    def vouches_for(self, run: int) -> bool:
        """Tell whether a run stands as its last record says; what cannot be read does not."""
        rows = self._db.rows(
            "SELECT digest FROM history WHERE seq = (SELECT max(seq) FROM history WHERE kind = ? AND subject = ?)",
            (Kind.RUN, str(run)),
        )
        try:
            return bool(rows) and str(rows[0][0]).removeprefix(CARRIED) == self.digest_of_run(run)
        except StoreError:
            return False

    def forgotten(self) -> Spans:
        """Return the ids of all runs that the chain says were pruned."""
        rows = self._db.rows("SELECT subject FROM history WHERE kind = ?", (Kind.PRUNED,))
        return Spans.union(Spans.read(str(row[0])) for row in rows)

    def forgot_before(self, kind: Kind) -> float | None:
        """Given PRUNED or CUT, return the latest instant before which anything was forgotten; None if nothing was."""
        rows = self._db.rows("SELECT digest FROM history WHERE kind = ?", (kind,))
        return max((before for (digest,) in rows if (before := instant_in(str(digest))) is not None), default=None)

    def cut(self, before: float, at: float, least: int = CUT_AT_LEAST, most: int = CUT_AT_MOST) -> int:
        """Cut off the oldest records, up to `most` from before an instant, if there are `least`; return how many.

        What they tell of and is still there is recorded anew with the digest it had: a cut vouches for nothing that
        it has not looked at.
        """
        window = f"(SELECT seq, at FROM history ORDER BY seq LIMIT {most:d})"
        young = f"(SELECT min(seq) FROM {window} WHERE NOT at < ?)"
        last, count = self._db.rows(
            f"SELECT max(seq), count(*) FROM {window} WHERE seq < coalesce({young}, {2**62})", (before,)
        )[0]
        if not isinstance(last, int) or int(count or 0) < least:
            return 0
        (made,) = self._db.rows("SELECT hash FROM history WHERE seq = ?", (last,))[0]
        self._carry(last, at)
        self._append(Kind.CUT, str(last), f"{made}:{before!r}", at)
        self._db.rows("DELETE FROM history WHERE seq <= ?", (last,))
        return int(count or 0)

    def _carry(self, last: int, at: float) -> None:
        """Record anew, with the digest it had, what records up to a place tell of and was not forgotten."""
        forgotten = self.forgotten()
        latest = (
            "SELECT seq, kind, subject, digest FROM history AS h WHERE seq > ? AND seq <= ? AND kind IN (?, ?) "
            "AND seq = (SELECT max(seq) FROM history WHERE kind = h.kind AND subject = h.subject) "
            "ORDER BY seq LIMIT 500"
        )
        seq = 0
        while rows := self._db.rows(latest, (seq, last, Kind.RUN, Kind.HOLD)):
            for place, kind, subject, digest in rows:
                seq = int(place or 0)
                if kind == Kind.HOLD or int(subject or 0) not in forgotten:
                    self._append(Kind(str(kind)), str(subject), CARRIED + str(digest).removeprefix(CARRIED), at)

    def _append(self, kind: Kind, subject: str, digest: str, at: float) -> None:
        with self._db.transaction():
            head = self.head() or Head(0, NOTHING)
            values = (head.seq + 1, kind.value, subject, digest, float(at))
            self._db.rows(
                f"INSERT INTO history ({FIELDS}) VALUES (?, ?, ?, ?, ?, ?)", (*values, record_hash(head.hash, *values))
            )
