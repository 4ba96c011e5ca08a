"""The daemon's one thread of decisions: a heartbeat, alarms at exact instants, and descriptors that wake it.

It sleeps until the earliest of them and wakes for nothing else. The heartbeat is a `schedule.Scheduler`, which counts
in wall-clock time, so a step of the wall clock (seen against the monotonic clock) makes it start anew. It is asked only
once it is due, or nearly due while the loop is awake for something else: to wake up costs more than most of what is
done then.
"""

from __future__ import annotations

import logging
import math
import os
import select
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from msgspec import Struct

from agent.errors import AgentError
from agent.ports import Clock

if TYPE_CHECKING:
    import schedule

LOG = logging.getLogger(__name__)
STEP_SECONDS = 1.0
"""A wall clock that moves this much against the monotonic one has been set, not slewed."""

LEEWAY = 0.05
"""By this share of its interval a beat may come early or late, so that nobody has to wake up for it alone."""

AGAIN_SECONDS = 2.0
"""How soon after a failure something is tried again that must not be left undone."""

AT_ONCE = 256
"""So many descriptors are heard in one round; the others are heard in the next."""

Callback = Callable[[], None]
_NO_ALARM: tuple[float, Callback] = (math.inf, lambda: None)


class Beat(Struct, frozen=True):
    """Something the heartbeat does every so many seconds."""

    every: float
    callback: Callback


class Loop:
    """Calls back when time has come or a descriptor is readable. `on_step` hears of steps of the wall clock.

    `progress` counts the rounds and the calls that have come back; any thread may look at it. `unseen` is for how many
    seconds before the present round the clock was not looked at.
    """

    def __init__(self, clock: Clock, on_step: Callable[[float], None], on_error: Callback) -> None:
        self._clock = clock
        self._on_step = on_step
        self._on_error = on_error
        self._epoll = select.epoll()
        self._watched: dict[int, Callback] = {}
        self._heartbeat: schedule.Scheduler | None = None
        self._beats: list[Beat] = []
        self._alarms: dict[str, tuple[float, Callback]] = {}
        self._offset = clock.seconds() - clock.monotonic()
        self._may_beat = self._must_beat = math.inf
        self._running = True
        self._woken = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self.watch(self._woken, self._drain)
        self.wakeups = 0
        self.lag = 0.0
        self.progress = 0
        self.unseen, self._looked = 0.0, clock.monotonic()

    def every(self, seconds: float, callback: Callback) -> None:
        """Call back every so many seconds, first after the first interval."""
        self._beats.append(Beat(seconds, callback))
        if self._heartbeat is None:
            self._may_beat = self._must_beat = self._clock.monotonic()  # it begins with the first round
        else:
            self._schedule(self._heartbeat, self._beats[-1])
            self._time_beats()

    def _schedule(self, heartbeat: schedule.Scheduler, beat: Beat) -> None:
        heartbeat.every(max(1, round(beat.every))).seconds.do(self._safely, beat.callback)

    def steadily(self, name: str, seconds: float, callback: Callback) -> None:
        """Call back at once and then every so many seconds by an alarm; what was missed is not made up for."""

        def beat(instant: float) -> None:
            following, now = instant + seconds, self._clock.monotonic()
            if following <= now:
                following = now + seconds
            self.alarm(name, following, lambda: beat(following))
            callback()

        begin = self._clock.monotonic()
        self.alarm(name, begin, lambda: beat(begin))

    def alarm(self, name: str, instant: float | None, callback: Callback) -> None:
        """Call back once at a monotonic instant; a name has one alarm, and None takes it away."""
        if instant is None:
            self._alarms.pop(name, None)
        else:
            self._alarms[name] = (instant, callback)

    def insist(self, name: str, instant: float | None, callback: Callback) -> None:
        """Like `alarm`, and call back again while the callback fails: the store is locked, or its disk full."""
        self.alarm(name, instant, lambda: self.attempt(name, callback))

    def attempt(self, name: str, callback: Callback) -> None:
        """Call back now, and by the alarm of that name again while it fails. Raises what the callback raises."""
        again = self._alarms[name] = (self._clock.monotonic() + AGAIN_SECONDS, lambda: self.attempt(name, callback))
        callback()
        if self._alarms.get(name) is again:  # else the callback has set the alarm itself
            del self._alarms[name]

    def watch(self, descriptor: int, callback: Callback) -> None:
        """Call back whenever a descriptor is readable."""
        self._epoll.register(descriptor, select.EPOLLIN)
        self._watched[descriptor] = callback

    def unwatch(self, descriptor: int) -> None:
        """Stop watching a descriptor."""
        del self._watched[descriptor]
        with suppress(OSError):  # it may be closed already, and then the kernel has forgotten it
            self._epoll.unregister(descriptor)

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
        ready = self._epoll.poll(timeout, AT_ONCE)
        self.wakeups += 1
        self.progress += 1
        now = self._clock.monotonic()
        self.unseen, self._looked = now - self._looked, now
        self._notice_step(self._clock.seconds() - now)
        if ready:
            callbacks = [self._watched[descriptor] for descriptor, _ in ready if descriptor in self._watched]
            for callback in callbacks:
                self._safely(callback)
            now = self._clock.monotonic()
        # A signal handler may set an alarm at any moment, so the dictionary itself is never gone through.
        due = []
        for name, (instant, _) in list(self._alarms.items()):
            if instant <= now:
                due.append((instant, name))
        for _, name in sorted(due):
            instant, callback = self._alarms.get(name, _NO_ALARM)
            if instant <= now:  # one called before it may have moved it or taken it away
                del self._alarms[name]
                self.lag = max(0.0, now - instant)
                self._safely(callback)
        if now >= self._may_beat:
            self._beat()

    def _beat(self) -> None:
        for job, seconds in self._heart():
            if seconds <= job.interval * LEEWAY:
                job.run()  # type: ignore[no-untyped-call]  # the library's own
        self._time_beats()

    def _time_beats(self) -> None:
        """Note from when on a beat may come, and when one must."""
        now, heart = self._clock.monotonic(), self._heart()
        self._must_beat = now + min([seconds + job.interval * LEEWAY for job, seconds in heart], default=math.inf)
        self._may_beat = now + min([seconds - job.interval * LEEWAY for job, seconds in heart], default=math.inf)

    def _heart(self) -> list[tuple[schedule.Job, float]]:
        """Return what beats, each with the seconds until it is due."""
        heartbeat = self._heartbeat or self._begun()
        first, idle = heartbeat.next_run, heartbeat.idle_seconds
        if first is None or idle is None:
            return []
        jobs = [(job, job.next_run) for job in sorted(heartbeat.jobs)]
        return [(job, idle + (at - first).total_seconds()) for job, at in jobs if at is not None]

    def _begun(self) -> schedule.Scheduler:
        # Imported when the loop turns: by then the agent is ready.
        import schedule  # noqa: PLC0415

        heartbeat = self._heartbeat = schedule.Scheduler()
        for beat in self._beats:
            self._schedule(heartbeat, beat)
        return heartbeat

    def _patience(self) -> float:
        earliest = self._must_beat
        for instant, _ in list(self._alarms.values()):
            earliest = min(earliest, instant)
        return min(60.0, max(0.0, earliest - self._clock.monotonic()))

    def _notice_step(self, offset: float) -> None:
        """Given the wall clock's lead over the monotonic one, see whether it was set."""
        step, self._offset = offset - self._offset, offset
        if abs(step) < STEP_SECONDS:
            return
        LOG.warning("the wall clock was set by %+.0f s; everything due is planned anew", step)
        self._heartbeat = None
        self._time_beats()
        self._safely(lambda: self._on_step(step))

    def _safely(self, callback: Callback) -> None:
        """A mistake in one callback must not take the others along: it is logged, with its trace if it is our own."""
        try:
            callback()
        except AgentError as error:
            LOG.error("%s", error)
            self._on_error()
        except Exception:  # whatever it is, the daemon goes on deciding
            LOG.exception("an error in the agent itself")
            self._on_error()
        self.progress += 1

    def close(self) -> None:
        """Give the descriptors back."""
        self._epoll.close()
        os.close(self._woken)
