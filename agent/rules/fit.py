"""Whether work fits in what is left of a window, judged by its own history.

The history is the durations, in seconds, of the task's successful runs that ended in one attempt: a run that stopped at
a window's end and went on in the next says nothing of how long the work takes at a stretch. The 95th percentile is the
nearest rank: the smallest duration that at least 95 % of them do not exceed; up to 19 of them it is the longest.

With fewer than LEAST durations the answer is unknown, and unknown work starts: otherwise a task could never gather a
history, and what bounds it is the end of the window, where it is told to stop at its next checkpoint.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

LEAST = 5
LATEST = 100
"""How many durations are judged, the latest ones, so that the answer follows what the work has become."""


class Fit(Enum):
    """The answer to whether work fits."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


def p95(durations: Sequence[float]) -> float | None:
    """Return the 95th percentile of the LATEST durations, oldest first, in seconds; None below LEAST of them."""
    latest = sorted(durations[-LATEST:])
    if len(latest) < LEAST:
        return None
    return latest[-(-len(latest) * 95 // 100) - 1]


def fits(expected: float | None, seconds_left: float) -> Fit:
    """Given the 95th percentile from `p95` and the seconds left of the window, say whether the work fits."""
    if expected is None:
        return Fit.UNKNOWN
    return Fit.YES if expected <= seconds_left else Fit.NO
