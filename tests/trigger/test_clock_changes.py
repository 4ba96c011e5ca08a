"""Schedules over every change of every zone's clock from 2024 to 2037, against the brute-force oracle."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from agent.trigger import fires, parse
from tests.trigger.oracle import FIRST, LAST, MINUTE, ClockChange, Matches, WallClock, World

FREQUENT: tuple[tuple[str, Matches], ...] = (
    ("0 * * * *", lambda wall: wall.minute == 0),
    ("@hourly", lambda wall: wall.minute == 0),
    ("30 * * * *", lambda wall: wall.minute == 30),
    ("every hour at :45", lambda wall: wall.minute == 45),
    ("*/10 * * * *", lambda wall: wall.minute % 10 == 0),
    ("0-30/10 * * * *", lambda wall: wall.minute <= 30 and wall.minute % 10 == 0),
    ("*/15 0-6 * * *", lambda wall: wall.minute % 15 == 0 and wall.hour <= 6),
    ("*/20 22-23,0-4 * * *", lambda wall: wall.minute % 20 == 0 and (wall.hour >= 22 or wall.hour <= 4)),
)

FIXED: tuple[tuple[str, Matches], ...] = (
    ("@daily", lambda wall: (wall.hour, wall.minute) == (0, 0)),
    ("every day at 02:30", lambda wall: (wall.hour, wall.minute) == (2, 30)),
    ("every sunday at 03:00", lambda wall: (wall.isoweekday(), wall.hour, wall.minute) == (7, 3, 0)),
    ("0 */2 * * *", lambda wall: wall.hour % 2 == 0 and wall.minute == 0),
    ("30 1-3 * * *", lambda wall: 1 <= wall.hour <= 3 and wall.minute == 30),
    ("*/30 2 * * *", lambda wall: wall.hour == 2 and wall.minute % 30 == 0),
    ("*/20 1,2 * * *", lambda wall: wall.hour in (1, 2) and wall.minute % 20 == 0),
    ("59 23 L * *", lambda wall: (wall.hour, wall.minute) == (23, 59) and (wall + timedelta(days=1)).day == 1),
)

ELAPSED = (("every 10 minutes", 10), ("every hour", 60), ("every 90 minutes", 90), ("every 7 hours", 420))


def daily(time: datetime) -> Matches:
    return lambda wall: (wall.hour, wall.minute) == (time.hour, time.minute)


def yearly(time: datetime) -> Matches:
    return lambda wall: (wall.month, wall.day, wall.hour, wall.minute) == (time.month, time.day, time.hour, time.minute)


def at_the_change(change: ClockChange) -> Iterator[tuple[str, Matches]]:
    """Daily and yearly jobs at, just before, within and just after the gap or the repeated stretch."""
    low, high = change.low, change.high
    for time in (low - MINUTE, low, low + MINUTE, low + (high - low) / 2, high - MINUTE, high, high + MINUTE):
        yield f"{time.minute} {time.hour} * * *", daily(time)
        yield f"{time.minute} {time.hour} {time.day} {time.month} *", yearly(time)


@pytest.mark.slow
def test_schedules_over_every_change_of_every_clock_fire_as_the_oracle_says(world: World) -> None:
    assert world.transitions > 4000
    assert len(world.changes) > 500
    wrong = []
    for change in world.changes:
        zone = ZoneInfo(change.zone)
        start, end = change.instant - timedelta(hours=13), change.instant + timedelta(hours=13)
        clock = WallClock(zone, start, end)
        expected = [(text, clock.fixed(matches)) for text, matches in (*FIXED, *at_the_change(change))]
        expected += [(text, clock.frequent(matches)) for text, matches in FREQUENT]
        expected += [(text, clock.elapsed(minutes)) for text, minutes in ELAPSED]
        for text, due in expected:
            found = list(fires(parse(text), zone, start - MINUTE, end))
            if found != due:
                wrong.append((change, text, sorted(set(due) - set(found)), sorted(set(found) - set(due))))
    assert not wrong, wrong[:3]


@pytest.mark.slow
@pytest.mark.parametrize("text", ["30 2 * * *", "0 0 * * *"])
def test_daily_jobs_from_2024_to_2037_run_once_for_each_date_of_every_zone(world: World, text: str) -> None:
    trigger = parse(text)
    for name in world.zones:
        zone = ZoneInfo(name)
        dates = [instant.astimezone(zone).date() for instant in fires(trigger, zone, FIRST, LAST)]
        first, last = FIRST.astimezone(zone).date(), LAST.astimezone(zone).date()
        every = [first + timedelta(days=number) for number in range((last - first).days + 1)]
        assert dates in (every, every[1:], every[:-1], every[1:-1]), name
