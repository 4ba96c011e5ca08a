"""What a run remembers of its failures, and how it tells which objects it is about."""

from __future__ import annotations

import os

from msgspec import Struct

from agent.actions.files._place import PROBLEMS_TOLD, Tally
from agent.digests import blake2b
from agent.errors import RunFailed
from agent.ports import Context

_PROBLEMS = "problems"


class Fingerprint:
    """A digest of a set of objects, whatever their order."""

    def __init__(self) -> None:
        self._sum = 0

    def add(self, path: bytes, about: os.stat_result) -> None:
        """Take an object into the set."""
        text = b"%s\0%d %d %d" % (path, about.st_ino, about.st_mtime_ns, about.st_size)
        self._sum += int.from_bytes(blake2b(text, digest_size=16).digest())

    def __str__(self) -> str:
        return f"{self._sum & (1 << 128) - 1:032x}"


class Problems(Struct, frozen=True):
    """The failures of a run's steps. One step's failures do not keep the others from their work, and no process that
    is lost takes them along: the last step tells of all.
    """

    ctx: Context

    def note(self, step: str, tally: Tally) -> str:
        """Given a step and what it met, remember its problems; return them as text."""
        known = self._known()
        if tally.problems or step in known:
            steps = {**known, step: [tally.problems, tally.told]}
            self.ctx.memory.remember(_PROBLEMS, {"run": self.ctx.run, "steps": steps})
        return "\n".join(tally.told)

    def _known(self) -> dict[str, list[object]]:
        noted = self.ctx.memory.recall(_PROBLEMS)
        return noted["steps"] if isinstance(noted, dict) and noted["run"] == self.ctx.run else {}

    def fail_if_any(self) -> None:
        """Raise RunFailed when a step of this run had a problem."""
        count, told = 0, []
        for number, texts in self._known().values():
            assert isinstance(number, int)
            assert isinstance(texts, list)
            count += number
            told += texts
        if count:
            more = f"; and {count - PROBLEMS_TOLD:,} more" if count > PROBLEMS_TOLD else ""
            objects = "1 object" if count == 1 else f"{count:,} objects"
            raise RunFailed(f"{objects} could not be read or deleted: {'; '.join(told[:PROBLEMS_TOLD])}{more}")
