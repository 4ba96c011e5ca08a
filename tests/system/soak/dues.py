"""Which due times must have a run by now, worked out from the clock alone.

A due time that the clock has passed must have a run, whatever struck the agent meanwhile, with three exceptions that
the rules of the calendar allow: the agent could do nothing for longer than it takes a due time for on time (one run
makes up for those before), the clock jumped over it, or the clock was set back and has not come to it again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from agent.rules.calendar import TOLERANCE

CAUTION_SECONDS = 2.0
"""Due times that were this close to being late are not asked for."""


JUMP_SECONDS = 3600.0
"""What the clock jumped over by more than this is not counted one by one."""


@dataclass(slots=True)
class Dues:
    """`every` is the interval of each task in seconds, counted from the epoch; other instants are seconds since it."""

    every: Mapping[str, int]
    asked_up_to: float
    asked: int = 0
    excused: int = 0
    _furthest: float = 0.0
    _set_to: float = -math.inf

    def begin(self, now: float) -> None:
        """Nothing before `now` is asked for."""
        self.asked_up_to = self._furthest = now

    def clock_set(self, shown: float, to: float) -> None:
        """The clock had shown an instant when it was set to another."""
        self._furthest = max(self._furthest, shown)
        self._set_to = to

    def expected(self, now: float) -> dict[str, list[float]]:
        """Return the due times up to `now` that were not asked for before and must have a run, by task.

        Once the clock was set back, nothing is asked for before `now`, nor before what the clock was set to, which may
        be later: who asks leaves the agent a moment for what has only just fallen due.
        """
        begin = self.asked_up_to
        if now < self._furthest:
            begin = now = max(now, self._set_to)
        on_time = min(now, max(begin, now - TOLERANCE + CAUTION_SECONDS))
        found = {task: _multiples(every, on_time, now) for task, every in self.every.items()}
        if on_time - begin < JUMP_SECONDS:
            self.excused += sum(len(_multiples(every, begin, on_time)) for every in self.every.values())
        self.asked += sum(map(len, found.values()))
        self.begin(now)
        return {task: dues for task, dues in found.items() if dues}


def _multiples(every: int, after: float, up_to: float) -> list[float]:
    first = math.floor(after / every) + 1
    return [float(number * every) for number in range(first, math.floor(up_to / every) + 1)]
