"""How long processes that somebody waits for have themselves waited for a processor: that is nobody's fault."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path


class Starvation:
    """Counts from when a thread is first seen; one that was born since counts from its birth."""

    def __init__(self, pids: Iterable[int]) -> None:
        self._before = dict(_of_threads(pids))
        self._now: dict[str, float] = {}

    def seconds(self, pids: Iterable[int]) -> float:
        """Given the processes as they are, return for how many seconds all that were seen have waited in all."""
        self._now.update(_of_threads(pids))
        return sum(waited - self._before.get(thread, 0.0) for thread, waited in self._now.items())


def _of_threads(pids: Iterable[int]) -> Iterable[tuple[str, float]]:
    for pid in pids:
        try:
            for thread in os.listdir(f"/proc/{pid}/task"):
                # See proc(5): time on the processor, time waiting for it, time slices.
                waited = Path(f"/proc/{pid}/task/{thread}/schedstat").read_text().split()[1]
                yield thread, int(waited) / 1e9
        except (OSError, IndexError):
            continue
