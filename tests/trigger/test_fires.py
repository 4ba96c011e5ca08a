"""Instants: strictly later, in UTC, cheap, and right where clocks do odd things."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.trigger import EPOCH, Cron, fires, last_fire, never_fires, next_fire, parse, period
from agent.trigger.values import Days

FAR = datetime(2200, 1, 1, tzinfo=UTC)


def shown(text: str, zone: str, start: str, count: int) -> list[str]:
    there = ZoneInfo(zone)
    instants = list(islice(fires(parse(text), there, datetime.fromisoformat(start).replace(tzinfo=UTC), FAR), count))
    assert all((instant.second, instant.microsecond) == (0, 0) for instant in instants)
    return [f"{instant.astimezone(there):%m-%d %H:%M%z}" for instant in instants]


@pytest.mark.parametrize(
    ("text", "zone", "start", "expected"),
    [
        # Put forward: 02:30 is missing; it runs at the first instant after the gap.
        ("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00", ["03-29 03:00+0200", "03-30 02:30+0200"]),
        # Two missing times and one at the gap's end are one due time.
        ("0,30 2 * * *", "Europe/Berlin", "2026-03-28T12:00", ["03-29 03:00+0200", "03-30 02:00+0200"]),
        ("0 2,3 * * *", "Europe/Berlin", "2026-03-28T12:00", ["03-29 03:00+0200", "03-30 02:00+0200"]),
        # Put back: the first pass of two.
        ("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00", ["10-25 02:30+0200", "10-26 02:30+0100"]),
        # Asked within the second pass, what ran in the first does not run again.
        ("30 2 * * *", "Europe/Berlin", "2026-10-25T01:10", ["10-26 02:30+0100", "10-27 02:30+0100"]),
        # Hourly follows elapsed time through both passes.
        (
            "30 * * * *",
            "Europe/Berlin",
            "2026-10-24T23:45",
            ["10-25 02:30+0200", "10-25 02:30+0100", "10-25 03:30+0100"],
        ),
        ("30 * * * *", "Europe/Berlin", "2026-03-29T00:00", ["03-29 01:30+0100", "03-29 03:30+0200"]),
        # Often within a long stretch of hours follows elapsed time; in few hours it is fixed.
        ("*/30 0-4 * * *", "Europe/Berlin", "2026-10-25T00:15", ["10-25 02:30+0200", "10-25 02:00+0100"]),
        ("*/30 2 * * *", "Europe/Berlin", "2026-10-25T00:15", ["10-25 02:30+0200", "10-26 02:00+0100"]),
        ("*/30 2 * * *", "Europe/Berlin", "2026-03-28T12:00", ["03-29 03:00+0200", "03-30 02:00+0200"]),
        ("*/30 0-2 * * *", "Europe/Berlin", "2026-03-29T00:15", ["03-29 01:30+0100", "03-30 00:00+0200"]),
        # Once an hour in a few hours is fixed.
        ("30 1-3 * * *", "Europe/Berlin", "2026-10-25T00:15", ["10-25 02:30+0200", "10-25 03:30+0100"]),
        ("30 1-3 * * *", "Europe/Berlin", "2026-03-29T00:45", ["03-29 03:00+0200", "03-29 03:30+0200"]),
        # The last missing minute still meets the first instant after the gap.
        ("59 2 * * *", "Europe/Berlin", "2026-03-28T12:00", ["03-29 03:00+0200", "03-30 02:59+0200"]),
        # Fixed and frequent hours in one line.
        ("*/30 2,12-14 * * *", "Europe/Berlin", "2026-03-28T13:00", ["03-28 14:30+0100", "03-29 03:00+0200"]),
        # Half an hour in Lord Howe, two in Troll, at midnight in Cairo.
        ("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00", ["10-04 02:30+1100", "10-05 02:15+1100"]),
        ("0 * * * *", "Australia/Lord_Howe", "2026-10-03T14:00", ["10-04 01:00+1030", "10-04 03:00+1100"]),
        ("45 * * * *", "Australia/Lord_Howe", "2026-04-04T14:00", ["04-05 01:45+1100", "04-05 01:45+1030"]),
        ("30 1 * * *", "Antarctica/Troll", "2026-03-28T12:00", ["03-29 03:00+0200", "03-30 01:30+0200"]),
        ("@daily", "Africa/Cairo", "2026-04-23T12:00", ["04-24 01:00+0300", "04-25 00:00+0300"]),
        ("@daily", "Africa/Cairo", "2026-10-29T12:00", ["10-30 00:00+0200", "10-31 00:00+0200"]),
        ("30 23 * * *", "Africa/Cairo", "2026-10-29T12:00", ["10-29 23:30+0300", "10-30 23:30+0200"]),
        # Summer time below standard time, and a month of Ramadan.
        ("30 1 * * *", "Europe/Dublin", "2026-03-28T12:00", ["03-29 02:00+0100", "03-30 01:30+0100"]),
        ("30 2 * * *", "Africa/Casablanca", "2026-03-21T12:00", ["03-22 03:00+0100", "03-23 02:30+0100"]),
        # A whole day that never was: its job runs when the next day begins.
        ("0 3 * * *", "Pacific/Apia", "2011-12-29T14:00", ["12-31 00:00+1400", "12-31 03:00+1400"]),
    ],
)
def test_next_fire_where_clocks_change(text: str, zone: str, start: str, expected: list[str]) -> None:
    assert shown(text, zone, start, len(expected)) == expected


def test_next_fire_is_strictly_later_even_by_a_microsecond() -> None:
    due = datetime(2026, 1, 1, 2, 30, tzinfo=UTC)
    trigger = parse("30 2 * * *")
    assert next_fire(trigger, UTC, due - timedelta(microseconds=1)) == due
    assert next_fire(trigger, UTC, due) == due + timedelta(days=1)
    assert next_fire(trigger, UTC, due + timedelta(microseconds=1)) == due + timedelta(days=1)


def test_next_fire_answer_is_in_utc_whatever_zone_was_asked_in() -> None:
    asked = datetime(2026, 7, 1, tzinfo=timezone(timedelta(hours=-9)))
    for text in ("30 2 * * *", "*/10 * * * *", "every 10 minutes"):
        found = next_fire(parse(text), ZoneInfo("Asia/Kathmandu"), asked)
        assert found is not None
        assert found.tzinfo is UTC


def test_next_fire_past_the_last_year_is_none() -> None:
    last = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    for text in ("30 2 * * *", "*/10 * * * *", "every 10 minutes", "0 0 29 2 *", "every day at 02:30"):
        for zone in (UTC, ZoneInfo("America/Los_Angeles"), ZoneInfo("Pacific/Kiritimati")):
            assert next_fire(parse(text), zone, last) is None


def test_interval_counts_from_the_anchor_whenever_it_is_asked() -> None:
    trigger = parse("every 7 hours")
    anchor = EPOCH + timedelta(minutes=11)
    start = datetime(2026, 10, 24, tzinfo=UTC)
    whole = list(fires(trigger, ZoneInfo("Europe/Berlin"), start, start + timedelta(days=3), anchor))
    assert all((instant - anchor) % timedelta(hours=7) == timedelta(0) for instant in whole)
    for asked in range(0, 72, 5):
        later = list(fires(trigger, UTC, start + timedelta(hours=asked), start + timedelta(days=3), anchor))
        assert later == whole[-len(later) :]


def test_interval_in_days_with_a_time_keeps_its_days_over_months() -> None:
    days = [
        instant.date().toordinal()
        for instant in fires(parse("every 5 days at 02:30"), UTC, datetime(2026, 1, 1, tzinfo=UTC), FAR)
    ]
    assert {later - earlier for earlier, later in pairwise(days)} == {5}


texts = st.sampled_from(
    [
        "30 2 * * *",
        "*/20 1,2 * * *",
        "*/10 * * * *",
        "0 0 1 * *",
        "every 95 minutes",
        "every monday at 03:00",
        "* * * * *",
    ]
)
zones = st.sampled_from(
    [
        *("Europe/Berlin", "Australia/Lord_Howe", "Africa/Casablanca", "America/Santiago", "UTC"),
        *("America/Havana", "Antarctica/Troll", "Asia/Beirut", "Pacific/Apia"),
    ]
)
instants = st.one_of(
    st.datetimes(datetime.fromisoformat("1970-01-01"), datetime.fromisoformat("2099-12-01"), timezones=st.just(UTC)),
    # Clocks change on few days of the year, and leap days are rare.
    st.builds(
        lambda year, day, seconds: datetime(year, day[0], day[1], tzinfo=UTC) + timedelta(seconds=seconds),
        st.integers(2008, 2036),
        st.sampled_from([(2, 28), (3, 8), (3, 28), (4, 4), (9, 5), (10, 3), (10, 26), (11, 1), (12, 29)]),
        st.integers(-3 * 86400, 3 * 86400),
    ),
)


@given(texts, zones, instants, st.integers(0, 4 * 86400))
@settings(max_examples=300, deadline=None)
def test_last_fire_is_the_last_of_fires(text: str, zone: str, start: datetime, seconds: int) -> None:
    trigger, there, end = parse(text), ZoneInfo(zone), start + timedelta(seconds=seconds)
    every = list(fires(trigger, there, start, end))
    assert last_fire(trigger, there, start, end) == (every[-1] if every else None)
    assert every == sorted(set(every))


def test_last_fire_over_decades_is_found_without_walking_them() -> None:
    end = datetime(2026, 6, 1, tzinfo=UTC)
    began = time.process_time()
    for text in ("* * * * *", "every 10 seconds", "0 0 1 1 *", "0 0 29 2 1", "*/5 0-3 * * *"):
        assert last_fire(parse(text), ZoneInfo("Europe/Berlin"), EPOCH, end) is not None
    assert time.process_time() - began < 0.1


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("every 90 minutes", 5400),
        ("* * * * *", 60),
        ("0,50 * * * *", 600),
        ("30 2 * * *", 86400),
        ("@weekly", 7 * 86400),
        ("@quarterly", 90 * 86400),
        ("0 0 29 2 *", 1461 * 86400),
    ],
)
def test_period_is_the_shortest_distance(text: str, seconds: float) -> None:
    assert period(parse(text), UTC) == seconds


def test_never_fires_pattern_without_a_day_is_decided_at_once() -> None:
    impossible = Cron("", 1, 1, 0, Days(dates=1 << 30), months=1 << 2)
    began = time.process_time()
    assert never_fires(impossible)
    assert next_fire(impossible, UTC, EPOCH) is None
    assert time.process_time() - began < 0.05


def test_next_fire_for_ten_thousand_tasks_takes_less_than_a_second() -> None:
    there, now = ZoneInfo("Europe/Berlin"), datetime(2026, 7, 1, 12, 0, 7, tzinfo=UTC)
    triggers = [parse(f"{minute} {hour} * * *") for minute in range(50) for hour in range(20)]
    began = time.process_time()
    for _ in range(10):
        for trigger in triggers:
            next_fire(trigger, there, now)
    assert time.process_time() - began < 1.0
