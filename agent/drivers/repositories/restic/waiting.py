"""Waits for others who are at work in the same repository, once giving up would cost a backup that is made."""

from __future__ import annotations

from collections.abc import Callable

from agent.drivers.database import Tools
from agent.drivers.repositories.restic.engine import Ended
from agent.errors import Refused
from agent.ports import StopRequested

_PATIENCE, _PAUSE = 600.0, 5.0
"""Seconds for which a repository that others have is asked for, and between two attempts."""


def patiently(tools: Tools, work: Callable[[], Ended]) -> Ended:
    """Do what restic refuses while others are at it, again and again. Raises Refused in the end, StopRequested."""
    until = tools.clock.monotonic() + _PATIENCE
    while True:
        try:
            return work()
        except Refused:
            if tools.stop():
                raise StopRequested from None
            if tools.clock.monotonic() >= until:
                raise
            tools.clock.sleep(_PAUSE)
