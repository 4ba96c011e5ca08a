"""How the signals went until this moment, in bounded memory: what the status page draws.

All series share their instants. When there is no room for another, every second one is given up and only every
second one is taken from then on, so that the trail reaches back to the start of the agent, or a day.
"""

from __future__ import annotations

import math
import threading
from array import array
from collections.abc import Callable, Container, Iterable, Mapping

from agent.engine.visit import Course
from agent.model.samples import Key, Samples, Selection, in_rows
from agent.model.signals import Sampling

POINTS = 120
"""The fewest numbers that a full trail has of each series; just before it is thinned out it has twice as many."""

AT_ONCE = 8
"""So many passes wait to be added together: a process that wakes up seldom finds its code in no cache."""

SERIES = 200
"""Series that are kept at most: about 1 KB each."""

LONGEST = 86_400.0
"""Seconds that the trail reaches back at most."""

SHOWN = frozenset(
    {
        "cpu.used_percent",
        "load.1m",
        "memory.used_percent",
        "swap.used_percent",
        "disk.used_percent",
        "disk_io.busy_percent",
        "network.received_bytes_per_second",
        "network.sent_bytes_per_second",
        "pressure.cpu.some_percent",
        "pressure.memory.some_percent",
        "pressure.io.some_percent",
        "file_descriptors.used_percent",
    }
)
"""The signals that are kept whether or not a threshold is about them."""


class Trail:
    """Keeps the signals of SHOWN and those that were asked for. `take` is for the loop, `course` for any thread."""

    def __init__(self, points: int = POINTS, series: int = SERIES, longest: float = LONGEST) -> None:
        self._room, self._most, self._longest = 2 * points, series, longest
        self._lock = threading.RLock()
        self._waiting: list[tuple[float, Sampling]] = []
        self._times = array("d")
        self._rows: list[tuple[tuple[Key, ...], array[float]]] = []
        """For each instant the series, and their numbers."""

        self._latest = Samples((), ())
        self._errors: Mapping[str, str] = {}
        self._probes: dict[str, Sampling] = {}
        self._of_probes: dict[str, Selection] = {}
        self._beside: dict[str, Samples] = {}
        self._stride = 1
        self._passes = 0
        self.want(())

    def want(self, signals: Iterable[str]) -> None:
        """Given the signals of the thresholds in force, keep those too."""
        with self._lock:
            self._want(signals)

    def _want(self, signals: Iterable[str]) -> None:
        self._take_in()
        wanted = SHOWN.union(signals)
        self._wanted: Callable[[Key], bool] = lambda key: key[0] in wanted
        self._selection = Selection(self._wanted)
        self._of_probes.clear()
        self._beside = {}
        for probe, sampling in self._probes.items():
            self.take_probe(probe, sampling)

    def take(self, now: float, sampling: Sampling) -> None:
        """Given the present (seconds since the epoch) and what was measured, add it."""
        with self._lock:
            self._waiting.append((now, sampling))
            if len(self._waiting) >= AT_ONCE:
                self._take_in()

    def _take_in(self) -> None:
        waiting, self._waiting = self._waiting, []
        for now, sampling in waiting:
            self._take(now, sampling)

    def _take(self, now: float, sampling: Sampling) -> None:
        found, errors = self._selection.among(in_rows(sampling.samples)), sampling.errors
        if self._probes:
            every = [found, *self._beside.values()]
            found = Samples(
                tuple([key for rows in every for key in rows.keys]), [value for rows in every for value in rows.values]
            )
            for probe in self._probes.values():
                errors = {**errors, **probe.errors}
        self._latest, self._errors = found, errors
        if self._times and now <= self._times[-1]:
            self._forget()  # the clock was set back: what was cannot be put in order with what comes
        if self._passes % self._stride == 0:
            self._add(now, found)
        self._passes += 1

    def take_probe(self, probe: str, sampling: Sampling) -> None:
        """Given what a probe has just measured, tell it with every pass over the host until it measures anew."""
        with self._lock:
            self._take_in()
            self._probes[probe] = sampling
            selection = self._of_probes.get(probe)
            if selection is None:
                selection = self._of_probes[probe] = Selection(self._wanted)
            self._beside[probe] = selection.among(in_rows(sampling.samples))

    def keep_probes(self, probes: Container[str]) -> None:
        """Given the probes that there still are, tell of no others."""
        with self._lock:
            self._take_in()
            self._probes = {name: sampling for name, sampling in self._probes.items() if name in probes}
            self._beside = {name: samples for name, samples in self._beside.items() if name in probes}
            self._of_probes = {name: selection for name, selection in self._of_probes.items() if name in probes}

    def _add(self, now: float, found: Samples) -> None:
        if len(self._times) >= self._room:
            self._thin()
        self._times.append(now)
        self._rows.append((found.keys, array("f", found.values[: self._most])))

    def _thin(self) -> None:
        if self._times[-1] - self._times[0] >= self._longest:
            kept = slice(len(self._times) // 4, None)
        else:
            kept = slice(len(self._times) % 2, None, 2)
            self._stride *= 2
        self._times, self._rows = self._times[kept], self._rows[kept]

    def _forget(self) -> None:
        self._times, self._rows = array("d"), []
        self._stride, self._passes = 1, 0

    def course(self) -> Course:
        """Return how the signals went."""
        with self._lock:
            self._take_in()
            times, rows, latest, errors = self._times[:], self._rows[:], self._latest, self._errors
        series: dict[Key, array[float]] = {}
        for place, (keys, values) in enumerate(rows):
            for key, value in zip(keys, values):  # noqa: B905 -- of too many series only the first were kept
                column = series.get(key)
                if column is None:
                    if len(series) >= self._most:
                        continue
                    column = series[key] = array("f", [math.nan]) * len(times)
                column[place] = value
        return Course(times, series, dict(zip(latest.keys, latest.values, strict=True)), errors)
