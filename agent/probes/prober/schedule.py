"""When each probe is measured: at instants that follow from its definition alone, so that nothing shifts them. Pure."""

from __future__ import annotations

import math

FIRST_WITHIN = 2.0
"""Seconds within which a probe that is new is measured for the first time."""


def first_due(now: float, every: float, delay: float) -> float:
    """Given the present, the interval and the stable delay of a new probe, return when it is measured first.

    Instants are seconds of the same clock. New probes do not wait for their turn, nor do they all go at once.
    """
    return min(now + FIRST_WITHIN * min(1.0, delay / every), next_due(now, every, delay))


def next_due(now: float, every: float, delay: float) -> float:
    """Return the next instant after `now` that is `delay` after a whole multiple of the interval."""
    return (math.floor((now - delay) / every) + 1) * every + delay
