"""The prober's process: takes orders on its standard input, measures, and reports on its standard output.

It ends with the agent: when its input does, or when the kernel tells it that its parent has gone. Its own thread only
decides; one that does not come round within `STILL_SECONDS` is ended by the kernel.
"""

from __future__ import annotations

import gc
import math
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
from agent.probes.prober.measuring import GRACE, Measurement, Measuring, get_ready, result
from agent.probes.prober.places import remove_others

STILL_SECONDS = 30
"""Seconds after which the kernel ends a prober that stands still."""

MOST_HUNG = 16
"""When more measurements hang than this, the process is given up: threads that hang cannot be ended."""

TOO_MANY_HANG = 75
"""The exit code then."""

FLUSH_SECONDS = 1.0
"""Results that say nothing new of how their probe is are told together, at most so often; others at once."""

SLACK = 0.25
"""So many seconds early they are told by who is awake anyway: to wake up again would cost more."""

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
        self._lost: list[Measurement] = []
        self._done: deque[tuple[Measuring, Measurement, Measured]] = deque()
        self._woken = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._results: list[Result] = []
        self._under_way: list[Measuring] = []
        self._next_due = 0.0
        self._told_at = self._found_at = 0.0
        self._news = True
        self._ordered = ""
        self._look_again = math.inf
        self._weight = (0.0, 0)
        self._weighed_at = -math.inf

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
            # Who measures is woken last: two threads at work would keep one another waiting.
            self._look_again = self._clock.monotonic() + self._crew.look()

    def _patience(self) -> float:
        now = self._clock.monotonic()
        waits = [self._telling() - now, self._next_due - now, self._look_again - now]
        if self._under_way:
            waits.append(FLUSH_SECONDS)  # of what is nothing new nobody tells this thread
        waits += [one.under_way.deadline + GRACE - now for one in self._under_way if one.under_way is not None]
        # Half a millisecond beyond, so that what is due is due when it is looked at.
        return max(0.0, min(waits)) + 0.0005

    def _telling(self) -> float:
        """Return the instant from which on there is something to tell; what is still under way is waited for a bit."""
        if self._news:
            return -math.inf
        if not self._results:
            return self._told_at + BEAT_SECONDS
        return FLUSH_SECONDS + (max(self._told_at, self._found_at) if self._under_way else self._told_at)

    def _take_orders(self) -> bool:
        message = received(self._orders, LONGEST)
        if message is None:
            return False
        orders = decode_orders(message)
        wanted = {order.serial: order for order in orders.probes}
        if self._ordered != orders.scratch:
            # Of a probe that is taken out meanwhile a measurement may still be under way.
            self._processes.claim(orders.scratch)
            remove_others(orders.scratch, {order.name for order in orders.probes})
            self._ordered = orders.scratch
        for serial in self._probes.keys() - wanted.keys():
            self._probes.pop(serial).gone = True
        get_ready({order.kind for order in orders.probes})
        for serial in wanted.keys() - self._probes.keys():
            self._probes[serial] = Measuring(wanted[serial], orders.scratch, self._processes, self._clock)
        self._next_due = 0.0
        return True

    def _begin_due(self) -> None:
        now = self._clock.monotonic()
        if now < self._next_due:
            return
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
        self._next_due = min((probe.looked_at for probe in self._probes.values()), default=math.inf)

    def _begin(self, probe: Measuring) -> None:
        measurement = probe.begin()
        self._under_way.append(probe)

        def job() -> None:
            found = probe.measure()
            self._done.append((probe, measurement, found))
            if found.error != probe.error or measurement.over:
                os.eventfd_write(self._woken, 1)

        self._crew.do(job)

    def _settle(self) -> None:
        """Take what has come back, and give up waiting for what should have."""
        while self._done:
            probe, measurement, found = self._done.popleft()
            probe.under_way = None
            if measurement.over:
                self._lost = [lost for lost in self._lost if lost is not measurement]
                continue
            self._under_way.remove(probe)
            if not probe.gone:
                self._take(probe, result(probe, measurement, found))
        now = self._clock.monotonic()
        for probe in [one for one in self._under_way if one.hangs(now)]:
            self._under_way.remove(probe)
            if probe.under_way is not None:
                probe.under_way.over = True
                self._lost.append(probe.under_way)
                self._tell_hang(probe, probe.under_way)

    def _take(self, probe: Measuring, found: Result) -> None:
        self._news = self._news or found.error != probe.error
        probe.error = found.error
        if not self._results:
            self._found_at = self._clock.monotonic()
        self._results.append(found)

    def _tell_hang(self, probe: Measuring, measurement: Measurement) -> None:
        since = self._clock.monotonic() - measurement.begun
        error = f"hangs: no answer for {since:.0f} s, where it may take {probe.order.timeout:g} s"
        at = self._clock.now().timestamp()
        self._take(probe, result(probe, measurement, Measured(error=error), at=at, hung=True))

    def _tell(self) -> None:
        now = self._clock.monotonic()
        too_many = len(self._lost) > MOST_HUNG
        if not too_many and now < self._telling() - SLACK:
            return
        self._news = False
        if now >= self._weighed_at + BEAT_SECONDS:
            self._weighed_at, self._weight = now, _weight()
        line = encode(Report(tuple(self._results), len(self._lost), *self._weight))
        self._results, self._told_at = [], now
        view = memoryview(line)
        while view:
            view = view[os.write(self._reports, view) :]
        if too_many:
            self.leave(TOO_MANY_HANG)


def _weight() -> tuple[float, int]:
    """Return how many seconds of processor this process and its commands took so far, and the bytes that it holds."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    of_children = resource.getrusage(resource.RUSAGE_CHILDREN)
    with open("/proc/self/statm", encoding="ascii") as statm:
        resident = int(statm.read().split()[1]) * resource.getpagesize()
    return usage.ru_utime + usage.ru_stime + of_children.ru_utime + of_children.ru_stime, resident
