"""Quiet hours: whether they are at an instant, and when they end. Pure."""

from __future__ import annotations

from datetime import datetime, time, timedelta, tzinfo

from agent.model.policies import Quiet
from agent.trigger.offsets import changes

DAYS = 4
"""Within so many days one has an end of quiet hours, whatever a change of clocks leaves out, be it a whole day."""


def silent_until(quiet: Quiet, zone: tzinfo, now: float) -> float | None:
    """Given quiet hours, their time zone and an instant, return when they end if they are at that instant, else None.

    Instants are seconds since the epoch. The hours are those of the clock on the wall: where a change of clocks leaves
    their end out, they end with the change, and where the end comes twice, each of them is one. Where a change leaves
    out the time between two of them, they are one.
    """
    local = datetime.fromtimestamp(now, zone)
    if not _silent(quiet, local):
        return None
    days = (local.date() + timedelta(days=later) for later in range(DAYS))
    walls = [datetime.combine(day, time(quiet.end // 60, quiet.end % 60), zone) for day in days]
    ends = [wall.replace(fold=fold).timestamp() for wall in walls for fold in (0, 1)]
    ends += [change.instant.timestamp() for change in changes(zone, local, local + timedelta(days=DAYS))]
    return min(end for end in ends if end > now and not _silent(quiet, datetime.fromtimestamp(end, zone)))


def _silent(quiet: Quiet, local: datetime) -> bool:
    minute = local.hour * 60 + local.minute
    if quiet.start > quiet.end:
        return minute >= quiet.start or minute < quiet.end
    return quiet.start <= minute < quiet.end
