"""The store's own maintenance: forget what is old, keep the file small, and keep room for the day the disk is full."""

from __future__ import annotations

import logging
from collections.abc import Callable

from msgspec.structs import asdict

from agent.daemon.loop import Loop
from agent.host.clock import boot_id
from agent.host.timekeeping import synchronised
from agent.ports import Clock
from agent.rules.safeguards import Clocks, clock_suspect
from agent.store import Store
from agent.store.runs import PRUNED_AT_MOST

LOG = logging.getLogger(__name__)
UPKEEP_SECONDS = 3600.0

AGAIN_SECONDS = 1.0
"""How soon it goes on where there was more to forget than is forgotten at a time."""

PROOF_SECONDS = 86_400.0
"""A clock that was suspect is believed once it has gone right for so long."""

_TRUSTED, _DOUBTED = "clocks_at_upkeep", "clocks_doubted"


class Upkeep:
    """Keeps a store, given after how many seconds runs are forgotten. `kept_by_server` vouches for the clock.

    `tidy` sees to a part of what else is kept, given the present, and tells whether there is more of it.

    A clock that has leapt ahead would make it forget the whole history, which nobody could bring back.
    """

    def __init__(
        self,
        store: Store,
        history: float,
        loop: Loop,
        clock: Clock,
        *,
        kept_by_server: Callable[[], bool] = synchronised,
        tidy: Callable[[float], bool] = lambda _now: False,
    ) -> None:
        self._store = store
        self._tidy = tidy
        self._history = history
        self._loop = loop
        self._clock = clock
        self._kept_by_server = kept_by_server
        self._doubt = ""

    def start(self) -> None:
        """Do it every hour from here on."""
        self._loop.every(UPKEEP_SECONDS, self.do)

    def do(self) -> None:
        """Do it once."""
        if self._may_forget():
            now = self._clock.now().timestamp()
            removed = self._store.runs.prune(now - self._history, now)
            self._store.incidents.prune(now - self._history)
            more = self._tidy(now) or removed >= PRUNED_AT_MOST
            again = self._clock.monotonic() + AGAIN_SECONDS if more else None
            self._loop.alarm("upkeep", again, self.do)
        self._store.connection.checkpoint()
        self._store.connection.restore_ballast()

    def _may_forget(self) -> bool:
        """Tell whether the clock can be believed, and remember what it shows."""
        clocks = Clocks(self._clock.now().timestamp(), self._clock.monotonic(), boot_id())
        doubt = self._compared(clocks, self._recalled(_TRUSTED))
        if doubt:
            since = self._recalled(_DOUBTED)
            steady = since is not None and since.boot == clocks.boot and not self._compared(clocks, since)
            if since is None or not steady:
                self._store.facts.set(_DOUBTED, asdict(clocks))
            elif clocks.elapsed - since.elapsed >= PROOF_SECONDS:
                doubt = ""
        if doubt and not self._doubt:
            LOG.warning("old runs are not forgotten until the clock has gone right for a day: %s", doubt)
        self._doubt = doubt
        if not doubt:
            self._store.facts.set(_TRUSTED, asdict(clocks))
            if self._recalled(_DOUBTED) is not None:
                self._store.facts.set(_DOUBTED, None)
        return not doubt

    def _compared(self, now: Clocks, before: Clocks | None) -> str:
        return clock_suspect(now.wall, now, before, synchronised=self._kept_by_server()) or ""

    def _recalled(self, key: str) -> Clocks | None:
        kept = self._store.facts.get(key)
        return Clocks(**kept) if isinstance(kept, dict) else None
