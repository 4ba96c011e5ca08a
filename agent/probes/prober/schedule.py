"""When each probe is measured: at instants that follow from its definition alone, so that nothing shifts them. Pure."""

from __future__ import annotations

import math

FIRST_WITHIN = 2.0
"""Seconds within which a probe that is new is measured for the first time."""


STEP, LONGEST_STEP = 0.2, 2.0
"""Instants that probes share are so far apart: a share of the interval, and no more than so many seconds."""


def shared(delay: float, width: float, every: float, phase: float) -> float:
    """Given the delay of a probe, which is below `width`, and its interval, return one that it shares with others.

    To wake up for a probe alone costs more than most measurements. `phase`, in seconds, is where the shared instants of
    a host lie, so that hosts do not share them.
    """
    step = min(LONGEST_STEP, STEP * every)
    first = phase % step
    if delay < first:
        return first if first < width else delay
    return first + math.floor((delay - first) / step) * step


def first_due(now: float, every: float, delay: float) -> float:
    """Given the present, the interval and the stable delay of a new probe, return when it is measured first.

    Instants are seconds of the same clock. New probes do not wait for their turn, nor do they all go at once.
    """
    return min(now + FIRST_WITHIN * min(1.0, delay / every), next_due(now, every, delay))


def next_due(now: float, every: float, delay: float) -> float:
    """Return the next instant after `now` that is `delay` after a whole multiple of the interval."""
    return (math.floor((now - delay) / every) + 1) * every + delay
