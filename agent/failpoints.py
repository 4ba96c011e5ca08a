"""Named points at which tests can end the process, so that every instant of every state machine is proven.

Every point is listed here, before and after each durable write. In production nothing is armed and `reach` is a
dictionary look-up that finds nothing. A test arms one point with `HOSTKEEPER_FAILPOINT=<name>` (or `<name>#<n>` for
the n-th time it is reached) and reads from the file named by `HOSTKEEPER_FAILPOINT_LOG` which points were reached.
"""

from __future__ import annotations

import os
import signal

WRITES: tuple[str, ...] = (
    "commit",
    "condition.save",
    "fragments.update",
    "hold.place",
    "hold.release",
    "memory.remember",
    "run.amend",
    "run.claim",
    "run.create",
    "run.failed",
    "run.interrupted",
    "run.missed",
    "run.running",
    "run.skipped",
    "run.stuck",
    "run.succeeded",
    "run.undone",
    "step.doing",
    "step.done",
    "step.failed",
    "step.undoing",
    "step.undone",
)
"""Everything that is written durably and that a restart must be able to stand before or after."""

POINTS: frozenset[str] = frozenset(f"{write}:{side}" for write in WRITES for side in ("before", "after"))

_ARMED, _, _NTH = os.environ.get("HOSTKEEPER_FAILPOINT", "").partition("#")
_LOG = os.environ.get("HOSTKEEPER_FAILPOINT_LOG", "")
_reached: dict[str, int] = {}


def reach(point: str) -> None:
    """Given a point listed in POINTS, kill this process with SIGKILL if a test armed it; otherwise do nothing."""
    if not (_ARMED or _LOG):
        return
    if point not in POINTS:
        raise LookupError(f"fail point {point!r} is not listed in agent.failpoints.POINTS")
    if _LOG:
        with open(_LOG, "a", encoding="ascii") as log:
            log.write(f"{point}\n")
    if point == _ARMED:
        _reached[point] = _reached.get(point, 0) + 1
        if _reached[point] == int(_NTH or 1):
            os.kill(os.getpid(), signal.SIGKILL)
