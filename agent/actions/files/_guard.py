"""Refuse to touch anything when the selection is past its limits or its history, or the clock is suspect."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from msgspec import Struct

from agent.actions.files._place import CannotLook, Place, Tally
from agent.errors import Refused
from agent.host.clock import boot_id
from agent.host.timekeeping import synchronised
from agent.model.reasons import Reason
from agent.ports import Context
from agent.rules.safeguards import (
    Clocks,
    Refusal,
    Selection,
    beyond_history,
    beyond_limits,
    clock_suspect,
    most_by_history,
    with_run,
)

_CLOCKS = "clocks"


def _history_key(path: str) -> str:
    return f"deleted:{path}"


class Guard(Struct):
    """Looks before the first deletion of a process, as closely as the limits demand, and at most once.

    Where only numbers of files are limited, names are counted: when there are no more names than may be deleted,
    nothing has to be looked at. `total` is how many files are selected, 0 when that was not found out;
    `kept_by_server` says whether a time server keeps the clock.
    """

    ctx: Context
    places: Sequence[Place]
    heed_clock: bool
    heed_history: bool
    kept_by_server: Callable[[], bool] = synchronised
    total: int = 0
    _passed: bool = False

    def check(self) -> None:
        """Raise Refused unless everything selected may be deleted."""
        if not self._passed:
            refusal = self._clock() or (None if self._enough_to_count() else self.selection()[1])
            if refusal is not None:
                raise Refused(*refusal)
            self._passed = True

    def refusal(self) -> tuple[Selection, Refusal | None]:
        """Return everything that is selected, and why it may not be deleted, if so."""
        selected, refusal = self.selection()
        return selected, self._clock() or refusal

    def _clock(self) -> Refusal | None:
        if not self.heed_clock:
            return None
        before = self.ctx.memory.recall(_CLOCKS)
        said = clock_suspect(
            self.ctx.now.timestamp(),
            self._clocks(),
            Clocks(**before) if isinstance(before, dict) else None,
            synchronised=self.kept_by_server(),
        )
        if said is None:
            return None
        return Reason.CLOCK_SUSPECT, f"{said}; if it is right, set `suspect_clock: allow` for one run"

    def _clocks(self) -> Clocks:
        clock = self.ctx.clock
        return Clocks(clock.now().timestamp(), clock.monotonic(), boot_id())

    def _usual(self, place: Place) -> float:
        """Return how many deletions are usual at most below a path."""
        most = most_by_history(self.history(place.path)) if self.heed_history else None
        return math.inf if most is None else most

    def history(self, path: str) -> list[int]:
        """Return how many files earlier runs deleted below a path."""
        history = self.ctx.memory.recall(_history_key(path))
        return [int(number) for number in history] if isinstance(history, list) else []

    def _enough_to_count(self) -> bool:
        """Whether the names alone show that nothing can be past its bounds."""
        limits = self.ctx.limits
        if limits.bytes is not None or limits.percent is not None:
            return False
        left = math.inf if limits.items is None else limits.items
        for place in self.places:
            most = min(left, self._usual(place))
            if most == math.inf:
                continue
            try:
                count = place.may_select(most)
            except CannotLook:
                continue
            if count > most:
                return False
            left -= count
        return True

    def selection(self) -> tuple[Selection, Refusal | None]:
        """Look at everything; a path that cannot be looked at selects nothing, and its own step tells."""
        selected = Selection()
        refusal: Refusal | None = None
        for place in self.places:
            try:
                here = place.survey(None, Tally())
            except CannotLook:
                continue
            if self.heed_history:
                refusal = refusal or beyond_history(here.items, place.path, self.history(place.path))
            selected += here
        self.total = selected.items
        return selected, beyond_limits(selected, self.ctx.limits) or refusal

    def remember_run(self, path: str, deleted: int) -> None:
        """After a step: let what it deleted below a path be part of the history."""
        if deleted:
            self.ctx.memory.remember(_history_key(path), with_run(self.history(path), deleted))

    def remember_clocks(self) -> None:
        """At the end of a run: let the next one compare the clocks with those of this moment."""
        clocks = self._clocks()
        self.ctx.memory.remember(_CLOCKS, {"wall": clocks.wall, "elapsed": clocks.elapsed, "boot": clocks.boot})
