"""Named points at which tests can end the process, so that every instant of every state machine is proven.

Every point is listed here, before and after each durable write. In production nothing is armed and `reach` is a
look at two empty variables. Three variables of the environment arm points and tell of them; runs and helpers inherit
them from the daemon and from the command line:

`HOSTKEEPER_FAILPOINT` is one or more of `[role/]point[#n]`, separated by commas: the process that reaches the point
for the n-th time ends. A role is `daemon`, `run`, `sender` or `command`; `*` stands for any point.
`HOSTKEEPER_FAILPOINT_LOG` names a file that gets a line `role/point pid` for each point reached. With it, n counts
over all processes that write it, so that a point ends one process once however often things are started again.
`HOSTKEEPER_FAILPOINT_SIGNAL` is `KILL`, or `STOP` to halt there until a test goes on.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping

WRITES: tuple[str, ...] = (
    "commit",
    "condition.save",
    "findings.found",
    "findings.measured",
    "fragments.update",
    "hold.place",
    "hold.release",
    "incident.collected",
    "incident.move",
    "incident.open",
    "incident.tell",
    "ledger.made",
    "ledger.proved",
    "ledger.removed",
    "ledger.verified",
    "memory.remember",
    "message.retry",
    "message.settle",
    "notice.compose",
    "notice.put",
    "objects.record",
    "remedy.save",
    "rotation.copy",
    "rotation.drop",
    "rotation.empty",
    "rotation.pack",
    "rotation.turn",
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
    "samples.fold",
    "samples.write",
    "step.doing",
    "step.done",
    "step.failed",
    "step.undoing",
    "step.undone",
)
"""Everything that is written durably and that a restart must be able to stand before or after."""

POINTS: frozenset[str] = frozenset(f"{write}:{side}" for write in WRITES for side in ("before", "after"))

_ROLES: Mapping[str, str] = {"agent": "daemon", "run-process": "run", "send-notices": "sender"}
_ROLE = _ROLES.get("".join(sys.argv[1:2]), "command")
_ARMED = os.environ.get("HOSTKEEPER_FAILPOINT", "")
_LOG = os.environ.get("HOSTKEEPER_FAILPOINT_LOG", "")
_SIGNAL = os.environ.get("HOSTKEEPER_FAILPOINT_SIGNAL", "KILL")
_FILE = os.open(_LOG, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600) if _LOG else -1
"""Opened once: a process that runs out of descriptors still tells what it reaches."""

_reached: list[str] = []


def reach(point: str) -> None:
    """Given a point listed in POINTS, end or halt this process if a test armed it; otherwise do nothing."""
    if not (_ARMED or _LOG):
        return
    if point not in POINTS:
        raise LookupError(f"fail point {point!r} is not listed in agent.failpoints.POINTS")
    name = f"{_ROLE}/{point}"
    reached = _write_down(name)
    for armed in _ARMED.split(","):
        pattern, _, nth = armed.partition("#")
        if _fits(name, pattern) and sum(_fits(other, pattern) for other in reached) == int(nth or 1):
            os.kill(os.getpid(), signal.Signals[f"SIG{_SIGNAL}"])


def _fits(name: str, pattern: str) -> bool:
    """Tell whether `role/point` is what `[role/]point` names."""
    role, _, point = name.partition("/")
    wanted_role, _, wanted = pattern.rpartition("/")
    return wanted_role in ("", role) and wanted in ("*", point)


def _write_down(name: str) -> list[str]:
    """Add `role/point` to what was reached; return all of it up to and with this one, if anything is armed."""
    if not _LOG:
        _reached.append(name)
        return _reached
    os.write(_FILE, f"{name} {os.getpid()}\n".encode("ascii"))
    if not _ARMED:
        return []
    # The position after an appended line tells it from those that others append at the same moment.
    written = os.pread(_FILE, os.lseek(_FILE, 0, os.SEEK_CUR), 0).decode("ascii")
    return [line.split()[0] for line in written.splitlines()]
