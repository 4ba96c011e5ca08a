"""Messages on their way, one at a time for each receiver, in threads: a receiver that hangs holds up no other."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping
from random import SystemRandom

from msgspec import Struct
from msgspec.structs import replace

from agent.drivers.notifier import SECONDS, Driver
from agent.drivers.notifiers import open_receiver
from agent.errors import AgentError, StoreError
from agent.model.notices import Answer, Kept, Message, Receiver, State
from agent.readable import duration
from agent.rules.notices.pace import PATIENT, pause
from agent.store import Store

LOG = logging.getLogger(__name__)
GIVEN_UP = 2 * SECONDS
"""A driver that has not come back after so many seconds is not waited for."""


class _Way(Struct):
    """What is on its way to a receiver; a ping has no message. `until` is a monotonic instant."""

    receiver: Receiver
    kept: Kept | None
    thread: threading.Thread
    until: float
    lost: bool = False


class Delivery:
    """Takes messages from the outbox to their receivers. `expire` is in seconds, by receiver."""

    def __init__(
        self,
        store: Store,
        receivers: Mapping[str, Receiver],
        expire: Mapping[str, float],
        opened: Callable[[Receiver], Driver] = open_receiver,
    ) -> None:
        self._store = store
        self._receivers = receivers
        self._expire = expire
        self._opened = opened
        self._ways: dict[str, _Way] = {}
        self._answers: queue.SimpleQueue[tuple[_Way, Answer]] = queue.SimpleQueue()
        self._said: list[tuple[_Way, Answer]] = []
        """Answers that are not written down yet."""
        self._complained = False
        self._random = SystemRandom()

    @property
    def busy(self) -> bool:
        """Whether an answer is waited for."""
        return bool(self._said) or any(not way.lost for way in self._ways.values())

    @property
    def stuck(self) -> bool:
        """Whether there are threads that may never end."""
        return any(way.lost for way in self._ways.values())

    def ping(self, name: str) -> None:
        """Tell a receiver that the agent is healthy, if nothing is on its way to it."""
        if name in self._receivers and name not in self._ways:
            self._start(self._receivers[name], None)

    def look(self, now: float) -> float | None:
        """Send what may go at `now` (seconds since the epoch); return when more may, None when nothing waits."""
        wakes = []
        for name in self._store.outbox.waiting_receivers():
            if name not in self._receivers or name in self._ways:
                continue
            not_before = self._store.outbox.standing(name).not_before
            # A clock that was set back must not hold a receiver back for longer than any pause is.
            if now < not_before <= now + PATIENT:
                wakes.append(not_before)
            elif (kept := self._store.outbox.waiting(name)) is not None:
                self._start(self._receivers[name], kept)
        return min(wakes, default=None)

    def _start(self, receiver: Receiver, kept: Kept | None) -> None:
        untold = self._store.outbox.standing(receiver.name).untold if kept is not None else 0
        message = None if kept is None else _told(kept.message, untold)
        thread = threading.Thread(target=lambda: self._send(way, message), daemon=True, name=f"to {receiver.name}")
        way = _Way(receiver, kept, thread, time.monotonic() + GIVEN_UP)
        self._ways[receiver.name] = way
        thread.start()

    def _send(self, way: _Way, message: Message | None) -> None:
        try:
            driver = self._opened(way.receiver)
            answer = driver.alive() if message is None else driver.send(message)
        except AgentError as error:
            answer = Answer(delivered=False, said=str(error))
        except Exception as error:  # whatever it is, the others are sent to
            # Its words may hold the address.
            answer = Answer(delivered=False, said=f"an error in the notifier: {type(error).__name__}")
        self._answers.put((way, answer))

    def wait(self, seconds: float, now: Callable[[], float]) -> None:
        """Wait up to so many seconds for an answer, and write down what came."""
        try:
            self._hear(*self._answers.get(timeout=seconds))
        except queue.Empty:
            self._give_up()
        for way, answer in list(self._said):
            try:
                self._take(way, answer, now())
            except StoreError as error:
                # What was sent is not sent again for that: its receiver waits until it can be written.
                if not self._complained:
                    LOG.error("what notifier %s answered cannot be written, and is kept: %s", way.receiver.name, error)
                self._complained = True
                return
            self._said.remove((way, answer))
            self._complained = False
            if not way.lost:
                del self._ways[way.receiver.name]

    def _hear(self, way: _Way, answer: Answer) -> None:
        if way.lost:
            del self._ways[way.receiver.name]
        # Whoever was given up has its failure; that it was delivered after all is worth knowing.
        if not way.lost or answer.delivered:
            self._said.append((way, answer))

    def _give_up(self) -> None:
        for way in self._ways.values():
            if not way.lost and time.monotonic() > way.until:
                way.lost = True
                self._said.append((way, Answer(delivered=False, said=f"no answer within {GIVEN_UP:g} s")))

    def _take(self, way: _Way, answer: Answer, now: float) -> None:
        outbox, name = self._store.outbox, way.receiver.name
        if way.kept is None:
            if not answer.delivered:
                LOG.warning("notifier %s was not told that the agent is healthy: %s", name, answer.said)
            outbox.pinged(name, "" if answer.delivered else answer.said, now)
        elif answer.delivered:
            outbox.settle(way.kept, State.DELIVERED, answer.said, now)
        elif answer.permanent:
            outbox.settle(way.kept, State.PARKED, answer.said, now)
        else:
            streak = outbox.standing(name).streak + 1
            wait = pause(streak, self._random.random(), answer.retry_after)
            LOG.warning("notifier %s: %s; tried again in %s", name, answer.said, duration(wait))
            outbox.retry(way.kept, answer.said, now + wait)
            self._let_go(name, now)

    def _let_go(self, name: str, now: float) -> None:
        """Drop what a receiver that has just failed did not take for too long.

        Nothing is dropped before that: the agent may have been down for days, and the clock may have been set.
        """
        while (kept := self._store.outbox.waiting(name)) is not None:
            old = now - kept.message.made
            if old <= self._expire[name]:
                return
            self._store.outbox.settle(kept, State.DROPPED, f"not delivered within {duration(old)}", now)


def _told(message: Message, untold: int) -> Message:
    """Return a message that also says how many before it were dropped."""
    if not untold or message.refresh:
        return message
    return replace(message, body=f"{message.body}\n({untold} messages before this one were dropped undelivered)")
