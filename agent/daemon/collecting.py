"""Evidence for incidents, collected by a process of its own the moment they open, while the loop goes on."""

from __future__ import annotations

import logging
import sys
from collections import Counter
from collections.abc import Sequence

from agent.daemon.loop import Loop
from agent.host.helper import Helper
from agent.model.incidents import Exhibit
from agent.ports import Clock
from agent.store import Store

LOG = logging.getLogger(__name__)
COMMAND = (sys.executable, "-I", "-m", "agent", "collect")

SECONDS = 90.0
"""So long it may take; what has not come by then does not come."""

TIMES = 2
"""So often it is tried for one incident."""


class Collecting:
    """Looks for incidents of which nothing was collected yet, and has it collected; one process at a time."""

    def __init__(self, store: Store, loop: Loop, clock: Clock, command: Sequence[str] = COMMAND) -> None:
        self._store = store
        self._loop = loop
        self._clock = clock
        self._command = command
        self._helper: Helper | None = None
        self._numbers: list[int] = []
        self._tried: Counter[int] = Counter()

    def look(self) -> None:
        """Start collecting for the incidents that have opened; those that open meanwhile have their turn after it."""
        if self._helper is not None:
            return
        self._numbers = self._store.incidents.without_exhibits()
        if not self._numbers:
            return
        try:
            helper = Helper((*self._command, self._store.directory, *map(str, self._numbers)), b"")
        except OSError as error:
            self._failed(f"no process could be started: {error.strerror}")
            return
        self._helper = helper
        self._loop.watch(helper.fileno(), self._read)
        self._loop.alarm("collecting", self._clock.monotonic() + SECONDS, self._give_up)

    def _read(self) -> None:
        if self._helper is not None and self._helper.read() == b"":
            self._ended()

    def _give_up(self) -> None:
        if self._helper is not None:
            self._ended(f"it took longer than {SECONDS:.0f} s")

    def _ended(self, why: str = "") -> None:
        helper, self._helper = self._helper, None
        if helper is None:
            return
        self._loop.alarm("collecting", None, self._give_up)
        self._loop.unwatch(helper.fileno())
        self._failed(helper.end() if not why else f"{why}, {helper.end()}")
        self.look()

    def _failed(self, why: str) -> None:
        """Say of each incident that still has nothing why it will have none, so that it is not tried for ever."""
        still = self._store.incidents.without_exhibits()
        self._tried = Counter({one: self._tried[one] + (one in self._numbers) for one in still})
        left = {one for one in still if self._tried[one] >= TIMES}
        if left:
            LOG.error("no evidence could be collected for incidents %s: %s", ", ".join(map(str, sorted(left))), why)
        now = self._clock.now().timestamp()
        # Imported where nothing was collected: what collects is no part of the agent.
        from agent.engine.collect import keep  # noqa: PLC0415

        nothing = Exhibit(name="nothing", title="Evidence", at=now, text="", error=why or "it said nothing")
        for number in sorted(left):
            keep(self._store, number, [nothing], now)

    def stop(self) -> None:
        """End the process, if there is one."""
        if self._helper is not None:
            self._loop.unwatch(self._helper.fileno())
            self._helper.end()
            self._helper = None
