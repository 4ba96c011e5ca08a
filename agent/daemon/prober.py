"""The prober's process, as the daemon sees it: given its orders, heard, and begun anew when it dies or goes silent."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from agent.daemon.loop import Loop
from agent.host.kinship import Companion
from agent.model.policies import Probe
from agent.ports import Clock
from agent.probes.prober.frames import Lines, Order, Orders, Report, Result, decode_report, encode
from agent.probes.prober.schedule import LONGEST_STEP, shared
from agent.trigger import jitter

LOG = logging.getLogger(__name__)
COMMAND = (sys.executable, "-I", "-m", "agent", "probe")

SILENT_SECONDS = 60.0
"""A prober that says nothing for so long has gone wrong; it says something every few seconds."""

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds before a prober is begun anew: each time twice as many, up to the second number."""

STEADY_SECONDS = 120.0
"""One that has worked for so long begins with the first pause again."""


class Wanted(Struct, frozen=True):
    """A probe in force and the number of this definition of it."""

    probe: Probe
    serial: int


Take = Callable[[Report, Sequence[tuple[Probe, Result]]], None]
"""Given a report, hear what was measured of which probe."""

Fail = Callable[[Sequence[Probe], str], None]
"""Given probes and why nothing can be measured, hear of it."""


class Prober:
    """Has probes measured while there are any. `host` makes their jitter its own, `scratch` is a directory for them.

    `take` hears what is measured, `fail` why nothing is. Probes that stay the same when others change keep their times.
    """

    def __init__(
        self,
        loop: Loop,
        clock: Clock,
        *,
        host: str,
        scratch: str,
        take: Take,
        fail: Fail,
        command: Sequence[str] = COMMAND,
    ) -> None:
        self._loop, self._clock = loop, clock
        self._host, self._scratch = host, scratch
        self._take, self._fail = take, fail
        self._command = command
        self._wanted: dict[int, Wanted] = {}
        self._serials = 0
        self._companion: Companion | None = None
        self._lines = Lines()
        self._begun = 0.0
        self._pause = FIRST_PAUSE
        self.restarts = 0

    @property
    def pid(self) -> int | None:
        """The process, None while there is none."""
        return self._companion.pid if self._companion is not None else None

    def put_in_force(self, probes: Mapping[str, Probe]) -> None:
        """Given all probes by name, measure these and no others."""
        before = {wanted.probe.name: wanted for wanted in self._wanted.values()}
        self._wanted = {}
        for name, probe in probes.items():
            known = before.get(name)
            if known is None or not _same(known.probe, probe):
                self._serials += 1
                known = Wanted(probe, self._serials)
            self._wanted[known.serial] = Wanted(probe, known.serial)
        if not self._wanted:
            self.stop()
        elif self._companion is None:
            self._begin()
        elif before != {wanted.probe.name: wanted for wanted in self._wanted.values()}:
            self._order()

    def stop(self) -> None:
        """End the process, and begin no other."""
        self._loop.alarm("prober", None, self._begin)
        self._end()

    def _begin(self) -> None:
        if self._companion is not None or not self._wanted:
            return
        try:
            self._companion = Companion(self._command)
        except OSError as error:
            self._failed(f"the host has no process to spare: {error.strerror}")
            return
        self._begun = self._clock.monotonic()
        self._lines = Lines()
        self._loop.watch(self._companion.fileno(), self._heard)
        self._listen()
        self._order()

    def _order(self) -> None:
        orders = Orders(tuple([_ordered(wanted, self._host) for wanted in self._wanted.values()]), self._scratch)
        if self._companion is not None and not self._companion.tell(encode(orders)):
            self._failed("it takes no orders", kill=True)

    def _listen(self) -> None:
        self._loop.alarm("prober", self._clock.monotonic() + SILENT_SECONDS, self._silent)

    def _silent(self) -> None:
        self._failed(f"it has said nothing for {SILENT_SECONDS:.0f} s", kill=True)

    def _heard(self) -> None:
        if self._companion is None:
            return
        data = self._companion.hear()
        if data is None:
            return
        if not data:
            self._failed("it ended")
            return
        try:
            for line in self._lines.feed(data):
                self._reported(decode_report(line))
        except ValueError as error:
            self._failed(f"it talks nonsense: {error}", kill=True)

    def _reported(self, report: Report) -> None:
        self._listen()
        found = [
            (self._wanted[result.serial].probe, result) for result in report.results if result.serial in self._wanted
        ]
        self._take(report, found)

    def _end(self, *, kill: bool = False) -> str:
        companion, self._companion = self._companion, None
        if companion is None:
            return ""
        self._loop.unwatch(companion.fileno())
        return companion.end(kill=kill)

    def _failed(self, why: str, *, kill: bool = False) -> None:
        """Begin anew after a pause; until then nothing can be measured."""
        how = self._end(kill=kill)
        now = self._clock.monotonic()
        if now - self._begun >= STEADY_SECONDS:
            self._pause = FIRST_PAUSE
        why = f"the prober is begun anew: {why}{f' with {how}' if how else ''}"
        LOG.error("%s, in %g s", why, self._pause)
        self.restarts += 1
        self._loop.alarm("prober", now + self._pause, self._begin)
        self._pause = min(2 * self._pause, LONGEST_PAUSE)
        self._fail([wanted.probe for wanted in self._wanted.values()], why)


def _same(one: Probe, other: Probe) -> bool:
    """Tell whether two definitions are measured alike, wherever they stand."""
    return (one.kind, one.settings, one.every, one.timeout, one.jitter) == (
        other.kind,
        other.settings,
        other.every,
        other.timeout,
        other.jitter,
    )


def _ordered(wanted: Wanted, host: str) -> Order:
    probe = wanted.probe
    phase = jitter(host, "probes", LONGEST_STEP)
    delay = shared(jitter(host, f"probe {probe.name}", probe.jitter), probe.jitter, probe.every, phase)
    return Order(wanted.serial, probe.name, probe.kind, probe.settings, probe.every, probe.timeout, delay)
