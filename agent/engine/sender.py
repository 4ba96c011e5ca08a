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

from agent.drivers.notifiers import receivers_of
from agent.engine.composing import Composer
from agent.engine.delivering import GIVEN_UP, Delivery
from agent.engine.sender_protocol import Report, Request, load_request
from agent.errors import StoreError
from agent.host.clock import SystemClock, local_zone
from agent.host.flock import locked
from agent.host.logs import start_logging
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
        self._delivery = _delivery(store, request)
        self._complained = False

    @property
    def stuck(self) -> bool:
        """Whether there are threads that may never end."""
        return self._delivery.stuck

    def work(self) -> Report:
        """Send; return when there is more to do."""
        until = self._clock.monotonic() + LIFE
        self._safely(self._mend)
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


def _delivery(store: Store, request: Request) -> Delivery:
    receivers = {one.name: one for notifier in request.notifiers.values() for one in receivers_of(notifier)}
    expire = {name: request.notifiers[one.notifier].expire for name, one in receivers.items()}
    return Delivery(store, receivers, expire)


def tell_alive(store: Store, request: Request, clock: Clock) -> bool:
    """Tell whoever waits for it that the agent is healthy; return whether there are threads that may never end."""
    delivery, until = _delivery(store, request), clock.monotonic() + GIVEN_UP
    for name in request.alive:
        delivery.ping(name)
    while delivery.busy and clock.monotonic() < until:
        delivery.wait(LOOK_EVERY, lambda: clock.now().timestamp())
    return delivery.stuck


def main() -> int:
    """Read a request from standard input, do it, write the report to standard output; return an exit code."""
    start_logging("INFO")
    request = load_request(sys.stdin.buffer.read())
    gc.enable()
    try:
        stuck = _tell_alive(request) if request.alive else _send(request)
    except StoreError as error:
        print(error, file=sys.stderr)
        return int(error.code)
    if stuck:
        os._exit(0)
    return 0


def _tell_alive(request: Request) -> bool:
    with Store(request.directory) as store:
        return tell_alive(store, request, SystemClock())


def _send(request: Request) -> bool:
    with locked(os.path.join(request.directory, LOCK)) as mine:
        if not mine:
            _say(Report(wake=None, seen=0, busy=True))
            return False
        with Store(request.directory) as store:
            sender = Sender(store, request, SystemClock(), zone(request.timezone, local_zone()))
            _say(sender.work())
    return sender.stuck


def _say(report: Report) -> None:
    sys.stdout.buffer.write(report.encode())
    sys.stdout.buffer.flush()
