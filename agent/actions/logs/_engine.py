"""What rotates logs, as one small interface, and what both engines are given."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from msgspec import Struct

from agent.actions.logs._programs import installed
from agent.actions.logs._rotated import Around
from agent.errors import Refused, RunFailed
from agent.host.output import visible
from agent.model.reasons import Reason
from agent.ports import Context
from agent.rules.rotating import Generation

_ENDINGS = {"zstd": ".zst", "gzip": ".gz", "none": ""}


class Hindrance(Struct, frozen=True):
    """Why an engine cannot rotate a log, said of that. `reason` is that of a refusal, None for a failure."""

    text: str
    remedy: str
    reason: Reason | None = None

    def error(self, path: str) -> Refused | RunFailed:
        """Given the path of the log, return what the run ends with."""
        text = f"{visible(path)}: {self.text}: {self.remedy}"
        return RunFailed(text) if self.reason is None else Refused(self.reason, text)


class Job(Struct, frozen=True):
    """A log that is to be rotated, by which engine and why by that, and what is deleted for it."""

    around: Around
    engine: str
    why: str
    outlived: tuple[Generation, ...]

    @property
    def path(self) -> str:
        """The path of the log."""
        return self.around.log.path


class Engine(Protocol):
    """One way to rotate logs. Names of older generations and what becomes of them are the same with each."""

    def hindrance(self, seen: Around) -> Hindrance | None:
        """Given a log and what is beside it, return why it cannot be rotated so; None if it can."""
        ...

    def outlived(self, seen: Around) -> Sequence[Generation]:
        """Return what will be deleted for it."""
        ...

    def check(self, jobs: Sequence[Job]) -> None:
        """Look whether these logs will be rotated, and touch none. Raises RunFailed."""
        ...

    def rotate(self, jobs: Sequence[Job], stamp: str, *, resume: bool) -> list[str]:
        """Rotate these logs, and return what went wrong. `stamp` stands behind their names in those of generations.

        With `resume` a run was killed that had begun with them. Raises RunFailed when none can be rotated.
        """
        ...


class Setup(Struct, frozen=True):
    """What an engine works with: the options of the action, and the context of its run."""

    options: Any
    ctx: Context

    @property
    def ending(self) -> str:
        """The ending of compressed generations, "" where they are not."""
        return _ENDINGS[self.options.compress]

    @property
    def max_days(self) -> int | None:
        """The age in whole days from which generations are deleted, at least one; None for none."""
        seconds = self.options.max_age
        return None if seconds is None else max(1, math.ceil(seconds / 86400))

    def outlived(self, seen: Around, rule: Callable[..., list[Generation]]) -> list[Generation]:
        """Return what of the generations beside a log an engine's rule has deleted, by the options."""
        name, options = seen.log.path.rpartition("/")[2], self.options
        return rule(
            name, seen.generations, keep=options.keep, max_age=self.max_days, ending=self.ending, now=self.now()
        )

    def compressor(self) -> str:
        """Return the path of the program that compresses, "" for none. Raises RunFailed when it is not installed."""
        how = self.options.compress
        if how == "none":
            return ""
        program = installed(how)
        if program is None:
            raise RunFailed(f"{how} is not installed: install it, or choose another `compress`")
        return program

    def now(self) -> float:
        """Return the time in seconds since the epoch."""
        return self.ctx.clock.now().timestamp()
