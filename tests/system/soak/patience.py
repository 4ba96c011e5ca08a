"""How long processes that somebody waits for have themselves waited for a processor: that is nobody's fault."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path

MOST_SHARE = 2 / 3
"""However starved, a wait lasts three times as long at most: several that wait at once do not add up to more."""


class Patience:
    """Measures time from now on, without that in which processes could not go on for want of a processor.

    A thread that is born meanwhile counts from its birth.
    """

    def __init__(self, pids: Iterable[int]) -> None:
        self._began = time.monotonic()
        self._before = dict(_of_threads(pids))
        self._now: dict[str, float] = {}

    def took(self, pids: Iterable[int]) -> float:
        """Given the processes as they are, return how many seconds they have had."""
        self._now.update(_of_threads(pids))
        starved = sum(waited - self._before.get(thread, 0.0) for thread, waited in self._now.items())
        passed = time.monotonic() - self._began
        return passed - min(starved, MOST_SHARE * passed)


def _of_threads(pids: Iterable[int]) -> Iterable[tuple[str, float]]:
    for pid in pids:
        try:
            for thread in os.listdir(f"/proc/{pid}/task"):
                # See proc(5): time on the processor, time waiting for it, time slices.
                waited = Path(f"/proc/{pid}/task/{thread}/schedstat").read_text().split()[1]
                yield thread, int(waited) / 1e9
        except (OSError, IndexError):
            continue
