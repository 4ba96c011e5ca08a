"""How long to wait: before a receiver that fails is tried again, and before somebody is reminded. Pure."""

from __future__ import annotations

from agent.model.policies import Repeat

FIRST = 2.0
"""Seconds until a receiver that has failed once is tried again; each further failure doubles them."""

MOST = 900.0
"""Seconds that a receiver is left alone at most."""

PATIENT = 3600.0
"""Seconds that a receiver is left alone at most when it asks for it."""


def pause(streak: int, share: float, asked: float | None) -> float:
    """Given how often in a row a receiver has failed, return how many seconds to leave it alone.

    `share` from 0 to 1 spreads the pause over its second half; what the receiver has `asked` for is given at least.
    """
    longest = min(MOST, FIRST * 2.0 ** min(max(streak - 1, 0), 20))
    return max(longest * (0.5 + share / 2), min(asked or 0.0, PATIENT))


def next_reminder(repeat: Repeat, reminders: int) -> float:
    """Given how many reminders there were, return after how many seconds the next one is due."""
    return min(repeat.most, repeat.first * 2.0 ** min(reminders, 40))
