"""Time zones by name, from the tz database of the host."""

from __future__ import annotations

from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from agent.nearest import nearest
from agent.trigger.values import ScheduleError

UNFIT = ("right/", "posix/")
"""Directories of the tz database that count leap seconds, or repeat the names outside."""


def zone(name: str, local: tzinfo) -> tzinfo:
    """Given a name of the tz database, or `local`, return the zone; `local` is the host's own.

    Raises ScheduleError, with the nearest name, if there is no such zone.
    """
    if name == "local":
        return local
    if name == "UTC":
        return UTC
    if not name.startswith(UNFIT):
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            pass
    raise ScheduleError(f'"{name[:64]}" is not a time zone', _nearest(name))


def _nearest(name: str) -> str:
    known = available_timezones()
    if not known:
        return "install the tz database of the system (package tzdata), or use UTC or local"
    wanted = name[:64].lower().replace(" ", "_")
    for prefix in UNFIT:
        wanted = wanted.removeprefix(prefix)
    by_lower = {full.lower(): full for full in sorted(known)}
    by_city = {full.lower().rpartition("/")[2]: full for full in sorted(known)}
    found = by_lower.get(wanted) or by_city.get(wanted)
    if found is None:
        close = nearest(wanted, by_lower) or nearest(wanted, by_city)
        found = (by_lower.get(close) or by_city.get(close)) if close else None
    return f'did you mean "{found}"?' if found else 'use a name such as "Europe/Berlin", or "UTC", or "local"'
