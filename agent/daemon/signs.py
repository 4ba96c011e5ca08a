"""Signs of life for dead man's switches, each sent by a process of its own: nothing that is slow keeps one back."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from agent.daemon.loop import Loop
from agent.host.helper import Helper
from agent.model.policies import Notifier
from agent.ports import Clock

if TYPE_CHECKING:
    from agent.engine.sender_protocol import Request  # imported with the first message

LOG = logging.getLogger(__name__)
PATIENCE = 90.0
"""Seconds after which whoever has not ended is ended: three times what a driver may take."""


class _Sign(Struct):
    """A notifier that waits for signs of life: the monotonic instant at which the next is due, and who sends one."""

    every: float
    due: float
    helper: Helper | None = None
    until: float = 0.0


class Signs:
    """Sends signs of life, to each notifier in its interval. `asked` makes a request, `told` hears of what was sent."""

    def __init__(
        self,
        loop: Loop,
        clock: Clock,
        command: Sequence[str],
        asked: Callable[[tuple[str, ...]], Request],
        told: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._clock = clock
        self._command = command
        self._asked = asked
        self._told = told
        self._signs: dict[str, _Sign] = {}

    @property
    def working(self) -> bool:
        """Whether one is being sent."""
        return any(sign.helper is not None for sign in self._signs.values())

    def put_in_force(self, notifiers: Mapping[str, Notifier]) -> None:
        """Send to these notifiers from now on, to new ones at once."""
        self.stop()
        now, before = self._clock.monotonic(), self._signs
        self._signs = {
            name: _Sign(every, min(before[name].due, now + every) if name in before else now)
            for name, every in _intervals(notifiers)
        }
        self.look()

    def look(self) -> None:
        """Send what is due, end what hangs, and set the alarm for the next."""
        now = self._clock.monotonic()
        for name, sign in self._signs.items():
            if sign.helper is not None and now >= sign.until:
                self._end(name, sign)
            if sign.helper is None and now >= sign.due:
                sign.due = now + sign.every
                self._start(name, sign, now)
        wakes = [sign.due if sign.helper is None else sign.until for sign in self._signs.values()]
        self._loop.alarm("signs of life", min(wakes, default=None), self.look)

    def _start(self, name: str, sign: _Sign, now: float) -> None:
        try:
            sign.helper = Helper(self._command, self._asked((name,)).encode())
        except OSError as error:
            LOG.error("%s cannot be told that the agent is healthy: %s", name, error.strerror)
            return
        sign.until = now + PATIENCE
        self._loop.watch(sign.helper.fileno(), lambda: self._read(name, sign))

    def _read(self, name: str, sign: _Sign) -> None:
        if sign.helper is not None and sign.helper.read() == b"":
            self._end(name, sign)
            self._told()
            self.look()

    def _end(self, name: str, sign: _Sign) -> None:
        helper, sign.helper = sign.helper, None
        if helper is not None:
            self._loop.unwatch(helper.fileno())
            if how := helper.end():
                LOG.error("what was to tell %s that the agent is healthy ended early (%s)", name, how)

    def stop(self) -> None:
        """End whoever is sending."""
        for name, sign in self._signs.items():
            self._end(name, sign)


def _intervals(notifiers: Mapping[str, Notifier]) -> Iterator[tuple[str, float]]:
    """Yield the notifiers that wait for a sign of life, each with how often, in seconds."""
    for name, notifier in notifiers.items():
        if notifier.kind == "deadman" and (every := notifier.settings.get("every")) is not None:
            yield name, float(every)
