"""The sender: a process of its own that takes notices from the store to their receivers, and ends when it can.

The agent starts it when there is something to send. Two never work on one store; whatever kills it, the next one goes
on where it was.
"""

from __future__ import annotations

import gc
import logging
import os
import sys
from collections.abc import Callable
from datetime import tzinfo

from agent.engine.composing import Composer
from agent.engine.delivering import Delivery
from agent.engine.sender_protocol import Report, Request, load_request
from agent.errors import StoreError
from agent.host.clock import SystemClock, local_zone
from agent.host.flock import locked
from agent.host.logs import log_to_journal
from agent.ports import Clock
from agent.store import Store
from agent.trigger import zone

LOG = logging.getLogger(__name__)
LOCK = "sender.lock"
LINGER = 3.0
"""Seconds for which it is worth staying rather than starting anew."""

LOOK_EVERY = 0.5
"""Seconds after which it looks for new notices while it waits for an answer."""

AGAIN = 10.0
"""Seconds after which a store that could not be used is used again."""

LIFE = 600.0
"""Seconds after which a sender that always has something to do makes room for a fresh one."""


class Sender:
    """Sends until nothing is left to be sent soon."""

    def __init__(self, store: Store, request: Request, clock: Clock, local: tzinfo) -> None:
        self._store = store
        self._clock = clock
        self._composer = Composer(store, request.notifiers, request.host, local)
        receivers = self._composer.receivers
        expire = {name: request.notifiers[one.notifier].expire for name, one in receivers.items()}
        self._delivery = Delivery(store, receivers, expire)
        self._alive = request.alive
        self._complained = False

    @property
    def stuck(self) -> bool:
        """Whether there are threads that may never end."""
        return self._delivery.stuck

    def work(self) -> Report:
        """Send; return when there is more to do."""
        until = self._clock.monotonic() + LIFE
        self._safely(self._mend)
        for name in self._alive:
            self._delivery.ping(name)
        while True:
            seen = self._store.outbox.last_notice()
            wakes = (self._safely(self._composer.look), self._safely(self._delivery.look))
            wake = min((one for one in wakes if one is not None), default=None)
            left = None if wake is None else wake - self._now()
            lingers = left is not None and left <= LINGER and self._clock.monotonic() < until
            if not self._delivery.busy and not lingers:
                # What is stuck is tried again by the next sender.
                return Report(wake=self._now() if self.stuck and wake is None else wake, seen=seen)
            self._delivery.wait(max(0.01, min(LOOK_EVERY, LOOK_EVERY if left is None else left)), self._now)

    def _mend(self, _now: float) -> None:
        self._store.outbox.discard_damaged()

    def _safely(self, look: Callable[[float], float | None]) -> float | None:
        """Look; a store that cannot be written now, as on a full disk, is looked at again."""
        now = self._now()
        try:
            return look(now)
        except StoreError as error:
            if not self._complained:
                LOG.error("%s; this is tried again", error)
            self._complained = True
            return now + AGAIN

    def _now(self) -> float:
        return self._clock.now().timestamp()


def main() -> int:
    """Read a request from standard input, do it, write the report to standard output; return an exit code."""
    log_to_journal()
    request = load_request(sys.stdin.buffer.read())
    gc.enable()
    with locked(os.path.join(request.directory, LOCK)) as mine:
        if not mine:
            _say(Report(wake=None, seen=0, busy=True))
            return 0
        try:
            with Store(request.directory) as store:
                sender = Sender(store, request, SystemClock(), zone(request.timezone, local_zone()))
                _say(sender.work())
        except StoreError as error:
            print(error, file=sys.stderr)
            return int(error.code)
        if sender.stuck:
            os._exit(0)
    return 0


def _say(report: Report) -> None:
    sys.stdout.buffer.write(report.encode())
    sys.stdout.buffer.flush()
