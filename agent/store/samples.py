"""The samples: every number for hours, and of each five minutes and each hour what is needed of it for months.

A row holds all series over a stretch of time. Finer rows are replaced by one coarser row in a transaction, so that
each instant is in one row at any time. A row that is damaged costs that stretch alone.
"""

from __future__ import annotations

import json
import logging
import math
from array import array
from collections.abc import Iterable, Sequence
from datetime import UTC

from agent.errors import StoreError
from agent.failpoints import reach
from agent.model.signals import Labels, Points
from agent.readable import instant
from agent.store.blocks import Block, pack, unpack
from agent.store.connection import Connection
from agent.store.folding import COUNT, HIGH, LOW, MEAN, fold
from agent.store.seal import Value, seal, verified

LOG = logging.getLogger(__name__)

Key = tuple[str, Labels]

DAY = 86_400.0
FINE, COARSE = 300, 3600
"""Seconds that one number stands for: first, and once it is older than FINE_KEPT."""

FINE_KEPT = 15 * DAY
"""Until then there is a number for each five minutes: last week can be compared with, and two weeks looked at."""

ROWS: dict[int, float] = {FINE: 2 * 3600.0, COARSE: DAY}
"""Seconds that one row of each coarseness covers: shorter ones weigh more, longer ones take longer to make."""

FORGOTTEN_AT_MOST = 50
"""Rows that are deleted in one transaction: nobody waits for it."""

TOLD_AT_MOST = 10
"""So many damaged rows are told of one by one."""

_BODIES = "SELECT step, start, CAST(body AS BLOB) FROM samples"  # damage may have made a text of what was bytes

_FINER = {FINE: 0, COARSE: FINE}


class Samples:
    """The samples of a store. Instants are seconds since the epoch."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection
        self._recent: dict[tuple[int, float], tuple[int, list[Block]]] = {}
        self._lost: set[float] = set()
        """Where damaged rows begin that were told of: they are read again and again."""

    def ids(self) -> dict[Key, tuple[int, float]]:
        """Return the id of each series that can be read, and when it was last known to be in use, to the day."""
        found: dict[Key, tuple[int, float]] = {}
        for row in self._db.rows("SELECT id, signal, labels, seen, seal FROM series ORDER BY signal, labels"):
            try:
                number, signal, labels, seen = verified("series", row)
                found[str(signal), _labels(str(labels))] = (int(number or 0), float(seen or 0.0))
            except (StoreError, ValueError) as error:
                LOG.warning("a series of samples is lost: %s", error)
        return found

    def series(self) -> list[Key]:
        """Return the series that there are samples of, in order."""
        return list(self.ids())

    def add(self, key: Key, seen: float) -> int:
        """Given a series, return its id, by which its samples are kept from now on; it is in use at this instant."""
        signal, labels = key
        text = json.dumps(labels)
        known = self._db.rows("SELECT id FROM series WHERE signal = ? AND labels = ?", (signal, text))
        with self._db.transaction():
            if known:
                number = int(known[0][0] or 0)
            else:
                self._db.rows("INSERT INTO series (signal, labels, seen, seal) VALUES (?, ?, 0, '')", (signal, text))
                number = self._db.last_id()
            values: tuple[Value, ...] = (number, signal, text, seen)
            self._db.rows("UPDATE series SET seen = ?, seal = ? WHERE id = ?", (seen, seal("series", values), number))
        return number

    def forget(self, ids: Iterable[int]) -> None:
        """Forget series by id: their samples can be asked for no longer, and go with those of the others."""
        for number in ids:
            self._db.rows("DELETE FROM series WHERE id = ?", (number,))

    def last(self) -> float:
        """Return the instant up to which there are samples; 0.0 without any."""
        (until,) = self._db.rows("SELECT max(until) FROM samples")[0]
        return float(until or 0.0)

    def write(self, blocks: Sequence[Block]) -> None:
        """Given blocks of raw numbers by series (their ids), all later than `last()`, keep them as one row."""
        start = min(block.times[0] for block in blocks)
        until = max(block.times[-1] for block in blocks)
        # A raw column has the place in a block that the least number has in a coarser one.
        raw = [Block(b.times, {4 * number: column for number, column in b.columns.items()}) for b in blocks]
        body = pack("0", start, raw, exact=True)
        reach("samples.write:before")
        with self._db.transaction():
            self._db.rows_with_bytes("INSERT INTO samples VALUES (0, ?, ?, ?)", (start, until, body))
        reach("samples.write:after")

    def fold(self, now: float, raw: float) -> bool:
        """Given how many seconds samples are kept raw, replace the oldest rows that are due; return whether any were.

        A row is replaced once all it covers is that old, so it may stay for the length of a coarser row longer.
        """
        for step, age in ((FINE, raw), (COARSE, max(raw, FINE_KEPT))):
            # A beginning that damage has put before the epoch is never come to, and keeps no other row from its turn.
            where = "WHERE step = ? AND start >= 0"
            oldest = self._db.rows(f"SELECT min(start) FROM samples {where}", (_FINER[step],))[0][0]
            if oldest is not None:
                start = math.floor(float(oldest) / ROWS[step]) * ROWS[step]
                if start + ROWS[step] <= now - age:
                    self._replace(step, start, start + ROWS[step])
                    return True
        return False

    def forget_before(self, until: float) -> bool:
        """Forget samples from before an instant, a part at a time; return whether there may be more."""
        with self._db.transaction():
            self._db.rows(
                "DELETE FROM samples WHERE rowid IN (SELECT rowid FROM samples WHERE until < ? LIMIT ?)",
                (until, FORGOTTEN_AT_MOST),
            )
            removed = self._db.changes()
            self._db.rows("DELETE FROM series WHERE seen < ?", (until - 2 * DAY,))
        return removed >= FORGOTTEN_AT_MOST

    def _replace(self, step: int, start: float, end: float) -> None:
        finer, where = _FINER[step], "WHERE step = ? AND start >= ? AND start < ?"
        (until,) = self._db.rows(f"SELECT max(until) FROM samples {where}", (finer, start, end))[0]
        rows = self._db.rows_with_bytes(
            f"{_BODIES} {where} ORDER BY start",
            (finer, start, end),
        )
        blocks = [(finer, block) for row in rows for block in self._unpacked(*row)[1]]
        reach("samples.fold:before")
        with self._db.transaction():
            if blocks:
                body = pack(str(step), start, [fold(blocks, step)], exact=False)
                self._db.rows_with_bytes(
                    "INSERT OR IGNORE INTO samples VALUES (?, ?, ?, ?)", (step, start, until, body)
                )
            self._db.rows(f"DELETE FROM samples {where}", (finer, start, end))
        reach("samples.fold:after")
        self._recent.clear()

    def forget_after(self, now: float) -> int:
        """Forget samples of a time that has not come yet, which a wrong clock made; return how many rows."""
        self._db.rows("DELETE FROM samples WHERE until > ?", (now,))
        self._recent.clear()
        return self._db.changes()

    def _unpacked(
        self, step: int, start: float, body: object, wanted: frozenset[int] | None = None
    ) -> tuple[int, list[Block]]:
        """Return how many rows are damaged, 0 or 1, and the blocks of a row."""
        try:
            if not isinstance(body, bytes):
                raise ValueError("its content is no bytes")
            return 0, unpack(str(step), start, body, wanted)
        except ValueError as error:
            if start not in self._lost and len(self._lost) < TOLD_AT_MOST:
                self._lost.add(start)
                begins = f"{instant(start, UTC)} UTC" if 0 <= start < 1e10 else f"{start!r}"
                more = "; more such rows are not named" if len(self._lost) == TOLD_AT_MOST else ""
                LOG.warning("samples from %s on are lost: %s%s", begins, error, more)
            return 1, []

    def read(self, key: Key, start: float, end: float) -> Points:
        """Given a series, return its numbers from an instant up to another, as fine as they are kept."""
        number = self._id(key)
        found = _Found(number, start, end)
        rows = self._db.rows_with_bytes(
            f"{_BODIES} WHERE until >= ? AND start < ? ORDER BY start, step",
            (start, end),
        )
        for step, begin, body in rows if number else ():
            damaged, blocks = self._unpacked(step, begin, body, found.wanted)
            found.damaged += damaged
            for block in blocks:
                found.add(step, block)
        return found.points()

    def value(self, key: Key, at: float, within: float = FINE) -> float | None:
        """Given a series, return what it was at an instant: the mean of where it lies, or the last of so many seconds.

        None where nothing is known. It costs little to ask for neighbouring instants one after another.
        """
        number = self._id(key)
        rows = self._db.rows(
            "SELECT step, start FROM samples WHERE start <= ? AND until >= ? ORDER BY start DESC LIMIT 3",
            (at, at - within),
        )
        best: tuple[float, float] | None = None
        for step, start in rows if number else ():
            found = _Found(number, at - max(within, int(step or 0)), at + 0.05)
            for block in self._row(int(step or 0), float(start or 0.0))[1]:
                found.add(int(step or 0), block)
            points = found.points()
            if points.times and at - points.times[-1] <= max(within, points.steps[-1]):
                best = max(best or (-math.inf, 0.0), (points.times[-1], points.mean[-1]))
        return best[1] if best is not None else None

    def _id(self, key: Key) -> int:
        rows = self._db.rows("SELECT id FROM series WHERE signal = ? AND labels = ?", (key[0], json.dumps(key[1])))
        return int(rows[0][0] or 0) if rows else 0

    def _row(self, step: int, start: float) -> tuple[int, list[Block]]:
        if (step, start) not in self._recent:
            while len(self._recent) >= 4:
                del self._recent[next(iter(self._recent))]
            rows = self._db.rows_with_bytes(f"{_BODIES} WHERE step = ? AND start = ?", (step, start))
            self._recent[step, start] = self._unpacked(*rows[0]) if rows else (0, [])
        return self._recent[step, start]


class _Found:
    """Gathers the numbers of one series from blocks in order of time; what is not later than the last is left out."""

    def __init__(self, number: int, start: float, end: float) -> None:
        self._number, self._start, self._end = number, start, end
        self.wanted = frozenset(4 * number + which for which in (LOW, MEAN, HIGH, COUNT))
        self.damaged = 0
        self._times, self._steps = array("d"), array("I")
        self._numbers = tuple(array("d") for _ in self.wanted)

    def add(self, step: int, block: Block) -> None:
        columns = [block.columns.get(4 * self._number + which) for which in (LOW, MEAN, HIGH, COUNT)]
        first = columns[LOW]
        if first is None:
            return
        last = self._times[-1] if self._times else -math.inf
        for place, time in enumerate(block.times):
            if self._start <= time < self._end and time > last and math.isfinite(first[place]):
                self._times.append(time)
                self._steps.append(step)
                for which, numbers in enumerate(self._numbers):
                    column = columns[which]
                    numbers.append(column[place] if column is not None else 1.0 if which == COUNT else first[place])

    def points(self) -> Points:
        low, mean, high, counts = self._numbers
        return Points(self._times, self._steps, low, mean, high, counts, self.damaged)


def _labels(text: str) -> Labels:
    return tuple((str(name), str(value)) for name, value in json.loads(text))
