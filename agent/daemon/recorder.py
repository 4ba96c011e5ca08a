"""Keeps what was measured: in memory for some minutes, then all series together as one row of the store.

A power loss or `kill -9` costs what is still in memory: FINE seconds at most. Instants of a series only ever rise: of a
clock that was set back nothing is kept until it shows a later time again, or until it is known to be right and what
has the wrong time was forgotten.
"""

from __future__ import annotations

import json
import logging
import math
from array import array
from collections.abc import Iterable, Sequence

from agent.daemon.trail import SHOWN
from agent.errors import StoreError
from agent.model.policies import PolicySet
from agent.model.samples import Samples, Selection, in_rows
from agent.model.settings import SampleSettings
from agent.model.signals import Sample
from agent.store import Store
from agent.store.blocks import Block
from agent.store.samples import DAY, FINE, Key

LOG = logging.getLogger(__name__)

KEPT = SHOWN | {"disk.inodes_used_percent", "uptime.seconds"}
"""The signals of the host that are kept whether or not a policy names them."""

LOOKS_AHEAD = "capacity.forecast"

FEW = 20
"""Of a probe that tells no more numbers than this all are kept, of others what policies name."""

AT_ONCE = 8
"""So many passes wait to be taken in together: a process that wakes up seldom finds its code in no cache."""

LATE = 3 * FINE
"""For so many seconds a store that cannot be written to is waited for."""

AHEAD = 5.0
"""By so many seconds what was kept may be ahead of the clock before the clock is said to have been wrong then."""


class _Buffer:
    """What one source has told since the last row."""

    def __init__(self) -> None:
        self.times = array("d")
        self._rows: list[tuple[tuple[Key, ...], array[float]]] = []

    def add(self, now: float, found: Samples) -> None:
        self.times.append(now)
        self._rows.append((found.keys, array("d", found.values)))

    def columns(self) -> dict[Key, array[float]]:
        """Return by series its numbers at all times, NaN where there was none."""
        first = self._rows[0][0]
        if all(keys is first for keys, _ in self._rows):
            by_series = zip(*[values for _, values in self._rows], strict=True)
            return {key: array("d", numbers) for key, numbers in zip(first, by_series, strict=True)}
        columns: dict[Key, array[float]] = {}
        for place, (keys, values) in enumerate(self._rows):
            for key, value in zip(keys, values, strict=True):
                column = columns.get(key)
                if column is None:
                    column = columns[key] = array("d", [math.nan]) * len(self.times)
                column[place] = value
        return columns


class Recorder:
    """Keeps samples in a store as the settings say. Not for several threads."""

    def __init__(self, store: Store, settings: SampleSettings) -> None:
        self._store = store
        self._settings = settings
        self._waiting: list[tuple[str, float, Sequence[Sample]]] = []
        self._selection = Selection(lambda _key: False)
        self.want(())
        self._buffers: dict[str, _Buffer] = {}
        self._floor: float | None = None
        self._due = -math.inf
        self._ids: dict[Key, tuple[int, float]] | None = None
        self._omitted = False

    def put_in_force(self, policies: PolicySet) -> None:
        """Given the set in force, keep what its thresholds and its tasks that look ahead name."""
        named = {threshold.signal for threshold in policies.thresholds.values()}
        for task in policies.tasks.values():
            if task.action == LOOKS_AHEAD:
                named.update(str(one["signal"]) for one in json.loads(task.options)["signals"])
        self.want(named)

    def want(self, signals: Iterable[str]) -> None:
        """Given the signals that policies name, keep those too."""
        self._take_in()
        wanted = KEPT.union(signals)
        self._selection = Selection(lambda key: key[0] in wanted)

    def take(self, source: str, now: float, samples: Sequence[Sample]) -> None:
        """Given a probe's name ("" for the host), the present (seconds since the epoch) and what it told, keep it."""
        if self._settings.kept > 0:
            self._waiting.append((source, now, samples))
            if now >= self._due or len(self._waiting) >= AT_ONCE:
                self._take_in()

    def _take_in(self) -> None:
        waiting, self._waiting = self._waiting, []
        for source, now, samples in waiting:
            self._add(source, round(now, 1), samples)

    def _add(self, source: str, now: float, samples: Sequence[Sample]) -> None:
        if now >= self._due:
            self._write_down(now)
            self._due = (now // FINE + 1) * FINE
        buffer = self._buffers.get(source)
        if buffer is None:
            buffer = self._buffers[source] = _Buffer()
        if now <= (buffer.times[-1] if buffer.times else self._last()):
            return
        found = in_rows(samples)
        if not source or len(found) > FEW:
            found = self._selection.among(found)
        if found:
            buffer.add(now, found)

    def _last(self) -> float:
        if self._floor is None:
            self._floor = self._store.samples.last()
        return self._floor

    def flush(self, now: float) -> None:
        """Write down what is still in memory; a store that cannot be written to is tried again."""
        self._take_in()
        self._write_down(now)

    def _write_down(self, now: float) -> None:
        buffers = [buffer for buffer in self._buffers.values() if buffer.times]
        if not buffers:
            return
        try:
            self._write(now, buffers)
        except StoreError as error:
            if now - min(buffer.times[0] for buffer in buffers) < LATE:
                LOG.warning("samples of the last minutes are in memory alone: %s", error)
                return
            LOG.error("samples of %d minutes are given up: %s", LATE // 60, error)
        else:
            self._fold(now)
        self._buffers.clear()

    def _fold(self, now: float) -> None:
        """Let some of what is old grow coarser each time, so that it is never much at once."""
        try:
            self._store.samples.fold(now, self._settings.raw)
        except StoreError as error:
            LOG.warning("samples could not be made coarser: %s", error)

    def _write(self, now: float, buffers: Sequence[_Buffer]) -> None:
        if self._ids is None:
            self._ids = self._store.samples.ids()
        ids = dict(self._ids)
        with self._store.transaction():
            blocks = []
            for buffer in buffers:
                named = {self._id(key, now, ids): column for key, column in buffer.columns().items()}
                named.pop(0, None)
                if named:
                    blocks.append(Block(buffer.times, named))
            if blocks:
                self._store.samples.write(blocks)
        self._ids = ids
        self._floor = max(self._last(), *(buffer.times[-1] for buffer in buffers))

    def _id(self, key: Key, now: float, ids: dict[Key, tuple[int, float]]) -> int:
        """Return the id of a series, 0 where there are too many to keep it."""
        known = ids.get(key)
        if known is not None and abs(now - known[1]) < DAY:
            return known[0]
        if known is None and len(ids) >= self._settings.series and not self._made_room(now, ids):
            return 0
        number = self._store.samples.add(key, now)
        ids[key] = (number, now)
        return number

    def _made_room(self, now: float, ids: dict[Key, tuple[int, float]]) -> bool:
        """Forget the series that was not told of for the longest, if that is two days; return whether there was one."""
        oldest = min(ids, key=lambda key: ids[key][1], default=None)
        if oldest is not None and ids[oldest][1] < now - 2 * DAY:
            self._store.samples.forget([ids.pop(oldest)[0]])
            return True
        if not self._omitted:
            self._omitted = True
            LOG.warning("there are more than %d series of samples, so some are not kept", self._settings.series)
        return False

    def tidy(self, now: float) -> bool:
        """Given a clock that can be believed, see to a part of what is old or of no real time; tell whether more is."""
        self._take_in()
        if self._settings.kept > 0 and self._last() > now + AHEAD:
            count = self._store.samples.forget_after(now)
            LOG.warning("samples of a time to come are forgotten, since the clock was ahead: %d rows", count)
            self._buffers.clear()
            self._floor, self._due = None, -math.inf
        more = self._store.samples.forget_before(now - self._settings.kept)
        return self._store.samples.fold(now, self._settings.raw) or more
