"""Feeds systemd's watchdog for as long as the loop of decisions comes round.

The loop cannot feed it by itself: on a host without a processor to spare it may be late by minutes and yet be well, and
a loop that hangs is found no sooner than by somebody else. So a thread looks at it. What the loop has spent waiting for
a processor does not count as hanging; what it has spent waiting for anything else does.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
import traceback
from collections.abc import Callable
from types import TracebackType

from agent.daemon.loop import Loop
from agent.host.notify import Notifier
from agent.host.starvation import Hunger

LOG = logging.getLogger(__name__)
LOOKS = 6
"""How often the loop is looked at, and systemd told, within the interval of the watchdog."""

LEAST_SECONDS = 2.0
"""The loop comes round once a second at best, so nothing shorter is judged a hang."""


class Pulse:
    """While it is entered, watches the thread that has entered it: the one that turns `loop`.

    Does nothing when systemd wants no sign of life. `hungry` returns for how long that thread was kept waiting for a
    processor, if it is not to be asked of the kernel, and `monotonic` what time it is, both in seconds.

    A look makes as few calls to the kernel as it can: after each, it waits for the interpreter, which a loop at work
    gives away only when it gets to it, and without a processor that takes long.
    """

    def __init__(
        self,
        notifier: Notifier,
        loop: Loop,
        *,
        hungry: Callable[[], float] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._notifier = notifier
        self._loop = loop
        self._every = (notifier.watchdog_interval or 0.0) / LOOKS
        # A look sees a hang up to one look late, so that the last one before the interval is over is the judge.
        self._most = max(self._every * (LOOKS - 1), LEAST_SECONDS)
        self._hunger: Hunger | None = None
        self._hungry = hungry or self._waited
        self._monotonic = monotonic
        self._frames = 0
        self._seen = (-1, 0.0, 0.0)
        self._told = False
        self._over = threading.Event()

    def __enter__(self) -> Pulse:
        if self._every:
            self._loop.every(self._every, lambda: None)  # what has to come round is the loop itself
            self._hunger, self._frames = Hunger(threading.get_native_id()), threading.get_ident()
            self.look()
            threading.Thread(target=self._watch, name="pulse", daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()

    def look(self) -> None:
        """Tell systemd that the agent is alive, or, when the loop hangs, that it is not."""
        hangs = self._hangs()
        if hangs < self._most:
            self._told = False
            self._notifier.alive()
        elif not self._told:
            self._told = True
            frame = sys._current_frames().get(self._frames)
            where = "".join(traceback.format_stack(frame)) if frame is not None else "nobody knows where"
            LOG.critical("the loop has hung for %.0f s and is started anew; it hangs at\n%s", hangs, where)
            self._notifier.hung()

    def _hangs(self) -> float:
        """Return for how many seconds the loop has got nowhere although it could have."""
        progress, now = self._loop.progress, self._monotonic()
        before, since, hungry = self._seen
        if progress != before:
            self._seen = (progress, now, self._hungry())
            return 0.0
        return now - since - (self._hungry() - hungry)

    def _waited(self) -> float:
        return self._hunger() if self._hunger is not None else 0.0

    def _watch(self) -> None:
        while not self._over.wait(self._every):
            self.look()
        if self._hunger is not None:
            self._hunger.close()
