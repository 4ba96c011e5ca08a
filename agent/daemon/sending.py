"""The sender's process, as the daemon sees it: started when there is something to send, never waited for."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from agent.daemon.loop import Loop
from agent.daemon.signs import Signs
from agent.host.helper import Helper
from agent.metrics import Metrics, NotifierFacts
from agent.model.notices import Standing, Tally
from agent.model.policies import Notifier
from agent.ports import Clock
from agent.store import Store

if TYPE_CHECKING:
    from agent.engine.sender_protocol import Report, Request  # imported with the first message

LOG = logging.getLogger(__name__)
COMMAND = (sys.executable, "-I", "-m", "agent", "send-notices")
AGAIN_SECONDS = 2.0
"""How soon after a sender that came to nothing the next one is started; each further one doubles it."""

MOST_SECONDS = 60.0
PATIENCE = 900.0
"""Seconds after which a sender that has not ended is ended."""


class Sending:
    """Starts the sender, and shows how it goes. `timezone` is what `local` means in policies."""

    def __init__(
        self,
        store: Store,
        loop: Loop,
        clock: Clock,
        timezone: str,
        metrics: Metrics,
        command: Sequence[str] = COMMAND,
    ) -> None:
        self._store = store
        self._loop = loop
        self._clock = clock
        self._timezone = timezone
        self._metrics = metrics
        self._command = command
        self._notifiers: Mapping[str, Notifier] | None = None
        self._helper: Helper | None = None
        self._said = b""
        self._seen = 0
        self._next: float | None = None
        self._latest = 0.0
        """The monotonic instant at which that was to be: a clock that is set back must not keep it away."""
        self._fruitless = 0
        self._rests = 0.0
        """The monotonic instant before which none is started: the last ones came to nothing."""
        self._signs = Signs(loop, clock, command, self._request, self._tell)

    @property
    def working(self) -> bool:
        """Whether a sender is at work, or a sign of life is being sent."""
        return self._helper is not None or self._signs.working

    def put_in_force(self, notifiers: Mapping[str, Notifier]) -> None:
        """Send for these notifiers from now on."""
        if notifiers == self._notifiers:
            return
        self._notifiers = notifiers
        if self._helper is not None:
            self._end()  # what it was at is gone on with by the next one
        self._come_back(self._now() if self._store.outbox.anything() else None)
        self._seen = self._store.outbox.last_notice()
        self._tell()
        self.look()
        self._signs.put_in_force(notifiers)

    def look(self) -> None:
        """Start the sender if there is something to send, or set the alarm for when there will be."""
        if self._notifiers is None:
            return
        if self._helper is not None:
            self._tell()  # somebody wrote to the store, which may have been the sender
            return
        if self._notifiers and self._store.outbox.last_notice() > self._seen:
            self._come_back(self._now())
            self._tell()
        if self._next is None:
            self._loop.alarm("send", None, self.look)
            return
        left = max(0.0, self._next - self._now())
        due = max(min(self._clock.monotonic() + left, self._latest), self._rests)
        if due > self._clock.monotonic():
            self._loop.alarm("send", due, self.look)
        else:
            self._start()

    def _request(self, alive: tuple[str, ...] = ()) -> Request:
        # Imported with the first message: many an agent has nobody to tell.
        from agent.engine.sender_protocol import Request  # noqa: PLC0415

        return Request(
            directory=os.path.abspath(self._store.directory),
            host=os.uname().nodename,
            timezone=self._timezone,
            notifiers=dict(self._notifiers or {}),
            alive=alive,
        )

    def _start(self) -> None:
        self._said = b""
        try:
            self._helper = Helper(self._command, self._request().encode())
        except OSError as error:
            LOG.error("the sender cannot be started: %s; this is tried again", error.strerror)
            self._came_to_nothing()
            return
        self._loop.watch(self._helper.fileno(), self._read)
        self._loop.alarm("send", self._clock.monotonic() + PATIENCE, self._hangs)

    def _read(self) -> None:
        data = self._helper.read() if self._helper is not None else None
        if data is None:
            return
        self._said += data[:4096]
        if not data:
            self._ended()

    def _hangs(self) -> None:
        LOG.error("the sender has not ended for %.0f s, and is ended", PATIENCE)
        self._ended()

    def _ended(self) -> None:
        from agent.engine.sender_protocol import load_report  # noqa: PLC0415 - the request has imported it

        how, report = self._end(), load_report(self._said)
        if report is None or report.busy:
            if report is None:
                LOG.error("the sender ended early (%s); another goes on where it was", how or "it said nothing")
            self._came_to_nothing()
        else:
            self._take(report)
        self._tell()

    def _take(self, report: Report) -> None:
        self._fruitless, self._rests = 0, 0.0
        self._seen, wake = report.seen, report.wake
        self._come_back(self._now() + AGAIN_SECONDS if wake is not None and wake <= self._now() else wake)
        self.look()

    def _come_back(self, wake: float | None) -> None:
        self._next = wake
        self._latest = self._clock.monotonic() + max(0.0, (wake or 0.0) - self._now())

    def _came_to_nothing(self) -> None:
        self._fruitless += 1
        pause = min(MOST_SECONDS, AGAIN_SECONDS * 2.0 ** min(self._fruitless - 1, 10))
        self._come_back(self._now())
        self._rests = self._clock.monotonic() + pause
        self._loop.alarm("send", self._rests, self.look)

    def _end(self) -> str:
        helper, self._helper = self._helper, None
        if helper is None:
            return ""
        self._loop.alarm("send", None, self.look)
        self._loop.unwatch(helper.fileno())
        return helper.end()

    def stop(self) -> None:
        """End the sender, if there is one; what it was at is in the store."""
        self._end()
        self._signs.stop()

    def _tell(self) -> None:
        self._metrics.notifiers(standings(self._store, self._notifiers or {}))

    def _now(self) -> float:
        return self._clock.now().timestamp()


def standings(store: Store, notifiers: Mapping[str, Notifier]) -> Iterator[NotifierFacts]:
    """Given the notifiers in force, yield how it goes with each of their receivers."""
    if not notifiers:
        return
    from agent.drivers.notifiers import receivers_of  # noqa: PLC0415 - many an agent has no notifiers

    unmade, tallies = store.outbox.tallies.unmade(), store.outbox.tallies.receivers()
    known = {one.receiver: one for one in store.outbox.standings()}
    for notifier in notifiers.values():
        notices, since = unmade.get(notifier.name, (0, None))
        for receiver in receivers_of(notifier):
            tally = tallies.get(receiver.name, Tally())
            standing = known.get(receiver.name, Standing(receiver=receiver.name))
            yield NotifierFacts(
                name=receiver.name,
                delivered=standing.delivered,
                failed=standing.failed,
                dropped=standing.dropped,
                waiting=notices + tally.waiting,
                parked=tally.parked,
                oldest=min((one for one in (since, tally.oldest) if one is not None), default=None),
                last_success=standing.last_success,
            )
