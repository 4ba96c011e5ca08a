"""The prober's process: takes orders on its standard input, measures, and reports on its standard output.

It ends with the agent: when its input does, or when the kernel tells it that its parent has gone. Its own thread only
decides; one that does not come round within `STILL_SECONDS` is ended by the kernel.
"""

from __future__ import annotations

import gc
import os
import resource
import select
import signal
from collections import deque
from typing import NoReturn

from agent.host.asides import Asides
from agent.host.clock import SystemClock, pin_utc
from agent.host.kinship import die_with_parent, received
from agent.probes.group import Measured
from agent.probes.prober.crew import Crew
from agent.probes.prober.frames import BEAT_SECONDS, LONGEST, Report, Result, decode_orders, encode
from agent.probes.prober.measuring import GRACE, Measurement, Measuring, result

STILL_SECONDS = 30
"""Seconds after which the kernel ends a prober that stands still."""

MOST_HUNG = 16
"""When more measurements hang than this, the process is given up: threads that hang cannot be ended."""

TOO_MANY_HANG = 75
"""The exit code then."""

FLUSH_SECONDS = 0.2
"""Results are told together, at most so often."""

_AGAIN = 0.05


def main() -> NoReturn:
    """Be the prober until the agent has gone."""
    pin_utc()
    prober = Prober(0, 1)
    signal.signal(signal.SIGTERM, lambda *_: prober.leave(0))
    die_with_parent(signal.SIGTERM)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    gc.enable()
    prober.run()


class Prober:
    """Orders come from one descriptor, reports go to another."""

    def __init__(self, orders: int, reports: int) -> None:
        self._orders, self._reports = orders, reports
        self._clock = SystemClock()
        self._processes = Asides()
        self._crew = Crew()
        self._probes: dict[int, Measuring] = {}
        self._lost: list[tuple[Measuring, Measurement]] = []
        self._done: deque[tuple[Measuring, Measurement, Measured]] = deque()
        self._woken = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._results: list[Result] = []
        self._told_at = 0.0

    def leave(self, code: int) -> NoReturn:
        """End at once, whatever hangs, and leave no program behind."""
        self._processes.end_all()
        os._exit(code)

    def run(self) -> NoReturn:
        """Work until the orders end."""
        poll = select.poll()
        poll.register(self._orders, select.POLLIN)
        poll.register(self._woken, select.POLLIN)
        while True:
            signal.alarm(STILL_SECONDS)
            ready = {descriptor for descriptor, _ in poll.poll(1000 * self._patience())}
            if self._woken in ready:
                os.eventfd_read(self._woken)
            if self._orders in ready and not self._take_orders():
                self.leave(0)
            self._settle()
            self._begin_due()
            self._tell()

    def _patience(self) -> float:
        now = self._clock.monotonic()
        waits = [self._told_at + (FLUSH_SECONDS if self._results else BEAT_SECONDS) - now]
        for probe in self._probes.values():
            waits.append(probe.looked_at - now)
            if probe.under_way is not None and not probe.under_way.over:
                waits.append(probe.under_way.deadline + GRACE - now)
        # Half a millisecond beyond, so that what is due is due when it is looked at.
        return max(0.0, min(waits)) + 0.0005

    def _take_orders(self) -> bool:
        message = received(self._orders, LONGEST)
        if message is None:
            return False
        orders = decode_orders(message)
        wanted = {order.serial: order for order in orders.probes}
        for serial in self._probes.keys() - wanted.keys():
            self._probes.pop(serial).gone = True
        for serial in wanted.keys() - self._probes.keys():
            self._probes[serial] = Measuring(wanted[serial], orders.scratch, self._processes, self._clock)
        return True

    def _begin_due(self) -> None:
        now = self._clock.monotonic()
        for probe in self._probes.values():
            if probe.looked_at > now:
                continue
            if probe.under_way is None:
                self._begin(probe)
            elif probe.under_way.over:
                probe.skip()
                self._tell_hang(probe, probe.under_way)
            else:
                probe.looked_at = now + _AGAIN

    def _begin(self, probe: Measuring) -> None:
        measurement = probe.begin()

        def job() -> None:
            found = probe.measure()
            self._done.append((probe, measurement, found))
            os.eventfd_write(self._woken, 1)

        self._crew.do(job)

    def _settle(self) -> None:
        """Take what has come back, and give up waiting for what should have."""
        while self._done:
            probe, measurement, found = self._done.popleft()
            probe.under_way = None
            if not measurement.over and not probe.gone:
                self._results.append(result(probe, measurement, found))
            self._lost = [lost for lost in self._lost if lost[1] is not measurement]
        now = self._clock.monotonic()
        for probe in self._probes.values():
            late = probe.under_way
            if late is not None and not late.over and probe.hangs(now):
                late.over = True
                self._lost.append((probe, late))
                self._tell_hang(probe, late)

    def _tell_hang(self, probe: Measuring, measurement: Measurement) -> None:
        since = self._clock.monotonic() - measurement.begun
        error = f"hangs: no answer for {since:.0f} s, where it may take {probe.order.timeout:g} s"
        at = self._clock.now().timestamp()
        self._results.append(result(probe, measurement, Measured(error=error), at=at, hung=True))

    def _tell(self) -> None:
        now = self._clock.monotonic()
        too_many = len(self._lost) > MOST_HUNG
        if not too_many and now < self._told_at + (FLUSH_SECONDS if self._results else BEAT_SECONDS):
            return
        usage = resource.getrusage(resource.RUSAGE_SELF)
        of_children = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = usage.ru_utime + usage.ru_stime + of_children.ru_utime + of_children.ru_stime
        with open("/proc/self/statm", encoding="ascii") as statm:
            resident = int(statm.read().split()[1]) * resource.getpagesize()
        line = encode(Report(tuple(self._results), len(self._lost), cpu, resident))
        self._results, self._told_at = [], now
        view = memoryview(line)
        while view:
            view = view[os.write(self._reports, view) :]
        if too_many:
            self.leave(TOO_MANY_HANG)
