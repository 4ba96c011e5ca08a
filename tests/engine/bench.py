"""A sender at work within a test, on a clock of its own, with receivers that answer as the test says."""

from __future__ import annotations

from datetime import UTC, datetime

from agent.engine.composing import Composer
from agent.engine.delivering import Delivery
from agent.model.notices import Answer, Message, Receiver
from agent.model.policies import Notifier
from agent.store import Store
from tests.notices import NOW

TAKEN = Answer(delivered=True, said="taken")
BUSY = Answer(delivered=False, said="status 503")
NEVER = Answer(delivered=False, said="status 400", permanent=True)


class Carrier:
    """A driver that keeps what it is sent; `says` are its answers, the last one for good."""

    def __init__(self, *says: Answer) -> None:
        self.says = list(says or [TAKEN])
        self.got: list[Message] = []
        self.alives = 0

    def send(self, message: Message) -> Answer:
        self.got.append(message)
        return self.says.pop(0) if len(self.says) > 1 else self.says[0]

    def alive(self) -> Answer:
        self.alives += 1
        return TAKEN


class SenderBench:
    """Composes and delivers at the instants that the test names."""

    def __init__(self, store: Store, *notifiers: Notifier, carriers: dict[str, Carrier] | None = None) -> None:
        self.store = store
        known = {one.name: one for one in notifiers}
        self.composer = Composer(store, known, "shop", UTC)
        receivers = self.composer.receivers
        self.carriers = carriers or {name: Carrier() for name in receivers}
        expire = {name: known[one.notifier].expire for name, one in receivers.items()}
        self.delivery = Delivery(store, receivers, expire, self._opened)
        self.now = NOW

    def _opened(self, receiver: Receiver) -> Carrier:
        return self.carriers[receiver.name]

    def at(self, now: float) -> float | None:
        """Do everything that is due at an instant, and return when more could be."""
        self.now = now
        while True:
            wakes = (self.composer.look(now), self.delivery.look(now))
            if not self.delivery.busy:
                return min((wake for wake in wakes if wake is not None), default=None)
            self.delivery.wait(5.0, lambda: now)

    def subjects(self, name: str = "ops") -> list[str]:
        """Return the subjects that a receiver was sent."""
        return [message.subject for message in self.carriers[name].got]


def at(text: str) -> float:
    """Given an instant of UTC, return it in seconds since the epoch."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()
