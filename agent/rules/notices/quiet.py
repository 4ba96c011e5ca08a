"""Quiet hours: whether they are at an instant, and when they end. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta, tzinfo

from agent.model.policies import Quiet

_MINUTES = 24 * 60


def silent_until(quiet: Quiet, zone: tzinfo, now: float) -> float | None:
    """Given quiet hours, their time zone and an instant, return when they end if they are at that instant, else None.

    Instants are seconds since the epoch. The hours are those of the clock on the wall: a time that a change of clocks
    leaves out is taken for the instant of the change, and one that comes twice ends them when it comes first.
    """
    local = datetime.fromtimestamp(now, zone)
    minute = local.hour * 60 + local.minute
    overnight = quiet.start > quiet.end
    silent = minute >= quiet.start or minute < quiet.end if overnight else quiet.start <= minute < quiet.end
    if not silent:
        return None
    day = local.date() + timedelta(days=1 if overnight and minute >= quiet.start else 0)
    wall = datetime.combine(day, time(quiet.end // 60, quiet.end % 60), zone)
    end = wall.astimezone(UTC).timestamp()
    # The end came already when the clock was set back over it: then it is the second time that counts.
    return end if end > now else wall.replace(fold=1).astimezone(UTC).timestamp()
