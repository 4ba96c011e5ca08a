"""The daemon's one thread of decisions: a heartbeat, alarms at exact instants, and descriptors that wake it.

It sleeps until the earliest of them and wakes for nothing else. The heartbeat is a `schedule.Scheduler`, which counts
in wall-clock time, so a step of the wall clock (seen against the monotonic clock) makes it start anew.
"""

from __future__ import annotations

import logging
import math
import os
import selectors
from collections.abc import Callable

import schedule
from msgspec import Struct

from agent.ports import Clock

LOG = logging.getLogger(__name__)
STEP_SECONDS = 1.0
"""A wall clock that moves this much against the monotonic one has been set, not slewed."""

Callback = Callable[[], None]
_NO_ALARM: tuple[float, Callback] = (math.inf, lambda: None)


class Beat(Struct, frozen=True):
    """Something the heartbeat does every so many seconds."""

    every: float
    callback: Callback


class Loop:
    """Calls back when time has come or a descriptor is readable. `on_step` hears of steps of the wall clock.

    `progress` counts the rounds and the calls that have come back; any thread may look at it.
    """

    def __init__(self, clock: Clock, on_step: Callable[[float], None], on_error: Callback) -> None:
        self._clock = clock
        self._on_step = on_step
        self._on_error = on_error
        self._selector = selectors.DefaultSelector()
        self._heartbeat = schedule.Scheduler()
        self._beats: list[Beat] = []
        self._alarms: dict[str, tuple[float, Callback]] = {}
        self._offset = self._wall_offset()
        self._running = True
        self._woken = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self.watch(self._woken, self._drain)
        self.wakeups = 0
        self.lag = 0.0
        self.progress = 0

    def every(self, seconds: float, callback: Callback) -> None:
        """Call back every so many seconds, first after the first interval."""
        self._beats.append(Beat(seconds, callback))
        self._schedule(self._beats[-1])

    def _schedule(self, beat: Beat) -> None:
        self._heartbeat.every(max(1, round(beat.every))).seconds.do(self._safely, beat.callback)

    def alarm(self, name: str, instant: float | None, callback: Callback) -> None:
        """Call back once at a monotonic instant; a name has one alarm, and None takes it away."""
        if instant is None:
            self._alarms.pop(name, None)
        else:
            self._alarms[name] = (instant, callback)

    def watch(self, descriptor: int, callback: Callback) -> None:
        """Call back whenever a descriptor is readable."""
        self._selector.register(descriptor, selectors.EVENT_READ, callback)

    def unwatch(self, descriptor: int) -> None:
        """Stop watching a descriptor."""
        self._selector.unregister(descriptor)

    def wake(self) -> None:
        """Make the loop look again; may be called from any thread and from a signal handler."""
        os.eventfd_write(self._woken, 1)

    def _drain(self) -> None:
        os.eventfd_read(self._woken)

    def stop(self) -> None:
        """Leave `run` after the present round; may be called from anywhere."""
        self._running = False
        self.wake()

    def run(self) -> None:
        """Go round until `stop`."""
        while self._running:
            self.turn(self._patience())

    def turn(self, timeout: float) -> None:
        """Sleep for up to `timeout` seconds, then do what is due."""
        ready = self._selector.select(timeout)
        self.wakeups += 1
        self.progress += 1
        self._notice_step()
        for key, _ in ready:
            self._safely(key.data)
        now = self._clock.monotonic()
        # A signal handler may set an alarm at any moment, so the dictionary itself is never gone through.
        due = sorted((instant, name) for name, (instant, _) in list(self._alarms.items()) if instant <= now)
        for _, name in due:
            instant, callback = self._alarms.get(name, _NO_ALARM)
            if instant <= now:  # one called before it may have moved it or taken it away
                del self._alarms[name]
                self.lag = max(0.0, now - instant)
                self._safely(callback)
        self._heartbeat.run_pending()

    def _patience(self) -> float:
        now = self._clock.monotonic()
        waits = [instant - now for instant, _ in list(self._alarms.values())]
        idle = self._heartbeat.idle_seconds
        if idle is not None:
            waits.append(idle)
        return max(0.0, min(waits, default=60.0))

    def _wall_offset(self) -> float:
        return self._clock.now().timestamp() - self._clock.monotonic()

    def _notice_step(self) -> None:
        offset = self._wall_offset()
        step, self._offset = offset - self._offset, offset
        if abs(step) < STEP_SECONDS:
            return
        LOG.warning("the wall clock was set by %+.0f s; everything due is planned anew", step)
        self._heartbeat.clear()
        for beat in self._beats:
            self._schedule(beat)
        self._safely(lambda: self._on_step(step))

    def _safely(self, callback: Callback) -> None:
        """A mistake in one callback must not take the others along: it is logged with its trace and counted."""
        try:
            callback()
        except Exception:  # whatever it is, the daemon goes on deciding
            LOG.exception("an error in the agent itself")
            self._on_error()
        self.progress += 1

    def close(self) -> None:
        """Give the descriptors back."""
        self._selector.close()
        os.close(self._woken)
