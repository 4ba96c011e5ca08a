"""The step of `backup.create` that makes room in a full repository before a backup is made.

A run ends with removing what is no longer wanted, and one that finds no room would never get there.
"""

from __future__ import annotations

import errno
import os

from msgspec import Struct

from agent.actions.backup._creation import Creation
from agent.actions.backup._pruning import Pruning
from agent.actions.backup._refusing import doomed_of
from agent.actions.backup._room import needed, require_room, room_at
from agent.actions.backup._series import Series, series_of
from agent.errors import RunFailed
from agent.model.actions import Explain, Outcome, Preview, Step
from agent.ports import Memory
from agent.readable import size

_STEP = "make-room"
_FULL = "full"


class MakingRoom(Struct, frozen=True):
    """Frees a repository that is a directory of this host of what is not wanted even without the next backup.

    Only if there is no room for a backup like the last one of its level, or the last try found the disk full.
    """

    creation: Creation

    def step(self) -> Step:
        """Return the step."""
        return Step(
            name=_STEP, do=self.do, preview=self.preview, irreversible="backups that are removed cannot be brought back"
        )

    def preview(self, _explain: Explain) -> Preview:
        """Say whether there is room, and what goes first if not."""
        creation = self.creation
        repository, place = creation.repository(), creation.directory()
        try:
            series = series_of(repository, creation.ctx, creation.ctx.task)
        except RunFailed:
            return Preview("nothing to make room for", {}, "no listing")
        need = self._need(series)
        room = f"{size(room_at(place))} free, and {size(needed(need))} needed"
        if not self._is_short(need):
            return Preview(f"nothing: there is room ({room})", {}, "room")
        pruning = self._pruning()
        decisions, refusal = pruning.decide(repository, series) if pruning else ((), None)
        doomed = [] if refusal else doomed_of(decisions)
        return Preview(
            f"{len(doomed)} of the backups that go anyway go first, as there may be no room ({room})",
            {"remove": len(doomed), "bytes": sum(one.stored for one in doomed)},
            " ".join(one.id for one in doomed),
        )

    def do(self) -> Outcome:
        """Sweep and remove if there is no room. Raises ListingFailed, Refused, RunFailed if there is none then."""
        creation, ctx = self.creation, self.creation.ctx
        repository = creation.repository()
        need = self._need(series_of(repository, ctx, ctx.task))
        if not self._is_short(need):
            return Outcome()
        with repository.lock(ctx.host, ctx.task):
            swept = repository.sweep()
        pruning = self._pruning()
        outcome, refusal = pruning.prune() if pruning else (Outcome(), None)
        try:
            require_room(creation.directory(), need)
        except RunFailed as error:
            why = f"; no backup was removed: {refusal[1]}" if refusal else ""
            raise RunFailed(f"{error}{why}") from error
        return Outcome({**outcome.facts, "swept": len(swept)}, outcome.counts, outcome.output)

    def _need(self, series: Series) -> int:
        """Return how large the last backup of the level that is due is."""
        level = self.creation.choice(self.creation.repository(), series).level
        return next((one.stored for one in reversed(series.backups) if one.level is level), 0)

    def _is_short(self, need: int) -> bool:
        return room_at(self.creation.directory()) < needed(need) or self.creation.ctx.memory.recall(_FULL) is not None

    def _pruning(self) -> Pruning | None:
        creation = self.creation
        return None if creation.keep is None else Pruning(creation, creation.keep, early=True)


def remember_full(memory: Memory, error: RunFailed | None) -> None:
    """Let the next run know how a backup ended: of an error that there was no room, of None that it was made."""
    full = error is not None and any(os.strerror(one) in str(error) for one in (errno.ENOSPC, errno.EDQUOT))
    if full or (error is None and memory.recall(_FULL) is not None):
        memory.remember(_FULL, True if full else None)
