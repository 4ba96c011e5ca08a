"""One probe at work: its source, its next instant, and the measurement under way."""

from __future__ import annotations

import contextlib
import importlib
import time
from collections.abc import Iterable

from agent.host.asides import Asides
from agent.model.signals import Sample
from agent.ports import Clock
from agent.probes.answers import concluded, failed
from agent.probes.group import Measured
from agent.probes.kind import Kind, Source, Tools
from agent.probes.prober.frames import Order, Result
from agent.probes.prober.places import place_of
from agent.probes.prober.schedule import first_due, next_due

GRACE = 1.0
"""Seconds beyond its timeout that a measurement gets to come back by itself."""

KEPT = 500
"""Characters of an error that are told."""


class Measurement:
    """A measurement that was due at `due` and began at `begun`, both monotonic; `over` once nobody waits for it.

    `at` is when it began in seconds since the epoch, and `timeout` how many seconds it has from then on.
    """

    def __init__(self, due: float, timeout: float, clock: Clock) -> None:
        self.due, self.timeout = due, timeout
        self.over = False
        self.begin(clock)

    def begin(self, clock: Clock) -> None:
        """Count from now on."""
        self.begun = clock.monotonic()
        self.at = clock.now().timestamp()
        self.deadline = self.begun + self.timeout


class Measuring:
    """A probe. Its methods are for the thread of the prober, but for `measure`, which one thread at a time calls.

    `due` is when it is measured next, `looked_at` when it is seen whether it can be: later where it is still at it.
    """

    def __init__(self, order: Order, scratch: str, processes: Asides, clock: Clock) -> None:
        self.order = order
        self._scratch = scratch
        self._processes = processes
        self._clock = clock
        self._source: Source | None = None
        self.under_way: Measurement | None = None
        self.gone = False
        self.error: str | None = None
        self.due = self.looked_at = first_due(clock.monotonic(), order.every, order.delay)

    def begin(self) -> Measurement:
        """Have a measurement that is due under way, and settle when the next is."""
        self.under_way = Measurement(self.due, self.order.timeout, self._clock)
        self.skip()
        return self.under_way

    def skip(self) -> None:
        """Leave out a measurement that is due."""
        self.due = self.looked_at = next_due(self._clock.monotonic(), self.order.every, self.order.delay)

    def hangs(self, now: float) -> bool:
        """Tell whether the measurement under way should have come back by now."""
        return self.under_way is not None and now >= self.under_way.deadline + GRACE

    def measure(self) -> Measured:
        """Measure; whatever goes wrong is in what is returned."""
        if self.under_way is not None:
            self.under_way.begin(self._clock)
        began = time.monotonic()
        try:
            if self._source is None:
                self._source = self._connect()
            found = self._source.measure(self.order.timeout)
        except Exception as error:  # whatever it is, it is the answer of this probe alone
            return failed(error, time.monotonic() - began)
        return concluded(found, time.monotonic() - began)

    def _connect(self) -> Source:
        kind = _kind(self.order.kind)
        place = place_of(self._scratch, self.order.name)
        tools = Tools(processes=self._processes, clock=self._clock, stop=self._stopped, scratch=place)
        return kind.connect(self.order.name, self.order.settings, tools)

    def _stopped(self) -> bool:
        measurement = self.under_way
        return self.gone or measurement is None or self._clock.monotonic() >= measurement.deadline


def get_ready(kinds: Iterable[str]) -> None:
    """Load what measures some kinds of probes, so that none of them is late the first time; errors are told then."""
    for name in kinds:
        with contextlib.suppress(Exception):
            _kind(name)


def _kind(name: str) -> Kind:
    kind: Kind = importlib.import_module(f"agent.probes.kinds.{name}").KIND
    return kind


def result(
    measuring: Measuring, measurement: Measurement, found: Measured, *, at: float | None = None, hung: bool = False
) -> Result:
    """Given what came of a measurement, return it as it is told; `at` is when that is known, if not when it began."""
    seconds = next((one.value for one in found.samples if one.signal == "duration_seconds"), 0.0)
    return Result(
        serial=measuring.order.serial,
        at=measurement.at if at is None else at,
        late=max(0.0, measurement.begun - measurement.due),
        seconds=seconds,
        samples=tuple([_told(one) for one in found.samples]),
        error=found.error[:KEPT],
        hung=hung,
    )


def _told(one: Sample) -> tuple[str, tuple[tuple[str, str], ...], float]:
    return one.signal, one.labels, one.value
