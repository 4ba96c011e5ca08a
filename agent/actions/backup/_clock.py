"""Whether the clock may be trusted with removals."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from agent.host.clock import boot_id
from agent.host.timekeeping import synchronised
from agent.ports import Clock, Context, Memory
from agent.rules.safeguards import Clocks, clock_suspect

_CLOCKS = "clocks"


class ClockGuard(Struct, frozen=True):
    """Compares the clocks with those of the task's last run; `kept_by_server` says whether a time server keeps them."""

    ctx: Context
    heed: bool
    kept_by_server: Callable[[], bool] = synchronised

    def suspect(self) -> str:
        """Say why the clock is not to be trusted, or ""."""
        if not self.heed:
            return ""
        ctx = self.ctx
        return suspicion(ctx.now.timestamp(), ctx.memory, ctx.clock, synchronised=self.kept_by_server())

    def remember(self) -> None:
        """At the end of a run: let the next one compare the clocks with those of this moment, unless they are suspect.

        A clock that was wrong once is not right because it has stayed wrong.
        """
        if self.suspect():
            return
        clocks = _clocks(self.ctx.clock)
        self.ctx.memory.remember(_CLOCKS, {"wall": clocks.wall, "elapsed": clocks.elapsed, "boot": clocks.boot})


def suspicion(start: float, memory: Memory, clock: Clock, *, synchronised: bool) -> str:
    """Given when ages are counted from, what the task remembers and the clock, say why not to trust it, or ""."""
    before = memory.recall(_CLOCKS)
    clocks = Clocks(**before) if isinstance(before, dict) else None
    said = clock_suspect(start, _clocks(clock), clocks, synchronised=synchronised)
    return f"{said}; if it is right, set `suspect_clock: allow` for one run" if said else ""


def _clocks(clock: Clock) -> Clocks:
    return Clocks(clock.now().timestamp(), clock.monotonic(), boot_id())
