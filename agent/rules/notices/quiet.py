"""Quiet hours: whether they are at an instant, and when they end. Pure."""

from __future__ import annotations

from datetime import datetime, time, timedelta, tzinfo

from agent.model.policies import Quiet


def silent_until(quiet: Quiet, zone: tzinfo, now: float) -> float | None:
    """Given quiet hours, their time zone and an instant, return when they end if they are at that instant, else None.

    Instants are seconds since the epoch. The hours are those of the clock on the wall: where a change of clocks leaves
    their end out, they end with the change, and where the end comes twice, each of them is one.
    """
    local = datetime.fromtimestamp(now, zone)
    if not _silent(quiet, local):
        return None
    minute = local.hour * 60 + local.minute
    day = local.date() + timedelta(days=1 if quiet.start > quiet.end and minute >= quiet.start else 0)
    wall = datetime.combine(day, time(quiet.end // 60, quiet.end % 60), zone)
    ends = [wall.replace(fold=fold).timestamp() for fold in (0, 1)]
    if ends[0] > ends[1]:
        # Left out: the change is somewhere between what the two clocks make of it.
        minutes = range(int((ends[0] - ends[1]) // 60) + 1)
        ends = [end for one in minutes if not _silent(quiet, datetime.fromtimestamp(end := ends[1] + 60 * one, zone))]
    return min(end for end in ends if end > now)


def _silent(quiet: Quiet, local: datetime) -> bool:
    minute = local.hour * 60 + local.minute
    if quiet.start > quiet.end:
        return minute >= quiet.start or minute < quiet.end
    return quiet.start <= minute < quiet.end
