"""Windows: open when they should be, in whole minutes of every zone's clock and in the odd cases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agent.model.policies import Position, Window
from agent.rules.windows import (
    MERGES,
    Closed,
    Gate,
    Open,
    gate,
    holds,
    never_opens,
    occurrences,
    opening,
    opens_in_gap,
    state,
)
from agent.trigger import ScheduleError, parse
from tests.trigger.oracle import MINUTE, Matches, WallClock, world

BERLIN = ZoneInfo("Europe/Berlin")
HOUR = 3600.0


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def window(opens: str, lasts: float, timezone: str = "Europe/Berlin") -> Gate:
    return gate(Window("nightly", opens, lasts, timezone, Position("w.yaml", 1, 1)), UTC)


def test_state_is_open_from_the_first_instant_up_to_the_last() -> None:
    nightly = window("0 2 * * *", 3 * HOUR, "UTC")
    begin, end = utc("2026-01-10T02:00"), utc("2026-01-10T05:00")
    tick = timedelta(microseconds=1)
    assert state(nightly, begin - tick) == Closed(begin)
    assert state(nightly, begin) == state(nightly, end - tick) == Open(begin, end)
    assert state(nightly, end) == Closed(begin + timedelta(days=1))


def test_state_over_midnight_is_owned_by_the_opening_day() -> None:
    saturday = window("0 23 * * SAT", 3 * HOUR, "UTC")
    assert state(saturday, utc("2026-01-11T01:30")) == Open(utc("2026-01-10T23:00"), utc("2026-01-11T02:00"))
    assert state(saturday, utc("2026-01-10T01:30")) == Closed(utc("2026-01-10T23:00"))


@pytest.mark.parametrize(
    ("day", "begin", "end"),
    [
        ("2026-03-28", "2026-03-28T01:00", "2026-03-28T04:00"),
        ("2026-03-29", "2026-03-29T01:00", "2026-03-29T04:00"),
        ("2026-10-25", "2026-10-25T00:00", "2026-10-25T03:00"),
    ],
)
def test_state_length_is_elapsed_time_whatever_the_clock_does(day: str, begin: str, end: str) -> None:
    nightly = window("0 2 * * *", 3 * HOUR)
    assert opening(nightly, utc(f"{day}T00:00")) == Open(utc(begin), utc(end))


def test_openings_that_overlap_or_touch_are_one() -> None:
    both = window("0 1,2,4 * * *", 2 * HOUR, "UTC")
    whole = Open(utc("2026-01-10T01:00"), utc("2026-01-10T06:00"))
    assert [state(both, utc(f"2026-01-10T0{hour}:30")) for hour in range(1, 6)] == [whole] * 5
    assert list(occurrences(both, utc("2026-01-10T03:00"), utc("2026-01-11T00:00"))) == [whole]


def test_occurrences_end_before_an_opening_at_the_end() -> None:
    nightly = window("0 2 * * *", HOUR, "UTC")
    assert list(occurrences(nightly, utc("2026-01-10T03:00"), utc("2026-01-11T02:00"))) == []
    assert list(occurrences(nightly, utc("2026-01-10T02:59"), utc("2026-01-10T03:00"))) == [
        Open(utc("2026-01-10T02:00"), utc("2026-01-10T03:00"))
    ]


def test_window_that_never_closes_is_open_with_an_end_well_ahead() -> None:
    always = window("0 * * * *", 2 * HOUR)
    now = utc("2026-03-29T01:30")
    found = state(always, now)
    assert isinstance(found, Open)
    assert found.since <= now - timedelta(days=2)
    assert found.until >= now + timedelta(days=2)
    pieces = list(occurrences(always, now, now + timedelta(days=30)))
    assert pieces[0].since <= now
    assert pieces[-1].until >= now + timedelta(days=30)
    assert all(later.since == earlier.until for earlier, later in pairwise(pieces))


def test_window_may_open_by_phrase_or_name() -> None:
    assert opening(window("@daily", HOUR, "UTC"), utc("2026-01-10T12:00")) == Open(
        utc("2026-01-11T00:00"), utc("2026-01-11T01:00")
    )
    assert opening(window("every 6 hours", HOUR), utc("2026-01-10T12:30")) == Open(
        utc("2026-01-10T12:00"), utc("2026-01-10T13:00")
    )


def test_window_without_a_next_opening_is_closed_for_good() -> None:
    assert state(window("0 2 * * *", HOUR, "UTC"), utc("9999-12-31T12:00")) == Closed(None)
    assert opening(window("0 2 * * *", HOUR, "UTC"), utc("9999-12-31T12:00")) is None


def test_window_in_an_unknown_zone_or_line_is_refused() -> None:
    with pytest.raises(ScheduleError):
        window("0 2 * * *", HOUR, "Europe/Berln")
    with pytest.raises(ScheduleError):
        window("0 2 30 2 *", HOUR)


def test_never_opens_is_a_window_without_length() -> None:
    assert never_opens(window("0 2 * * *", 0.0))
    assert not never_opens(window("0 0 29 2 *", 1.0))


@pytest.mark.parametrize(
    ("opens", "hours", "seconds", "fits"),
    [
        ("0 2 * * *", 3, 3 * HOUR, True),
        ("0 2 * * *", 3, 3 * HOUR + 1, False),
        ("0 2,4 * * *", 3, 5 * HOUR, True),  # two openings that overlap
        ("0 2 * * *", 24, 30 * HOUR, True),  # it never closes
        ("0 2 29 2 *", 3, 4 * HOUR, False),
    ],
)
def test_holds_says_whether_any_opening_is_long_enough(opens: str, hours: float, seconds: float, fits: bool) -> None:
    now = utc("2026-01-10T03:30")
    assert holds(window(opens, hours * HOUR, "UTC"), seconds, now) is fits


@pytest.mark.parametrize(
    ("opens", "expected"),
    [
        ("0 2 * * *", "2026-03-29T01:00"),
        ("59 2 29 3 *", "2026-03-29T01:00"),
        ("30 * * * *", "2026-03-29T01:00"),
        ("30 2 * * SUN", "2026-03-29T01:00"),
        ("0 3 * * *", None),
        ("59 1 * * *", None),
        ("30 2 * * 1-6", None),
        ("every 10 minutes", None),
    ],
)
def test_opens_in_gap_names_the_instant_after_the_gap(opens: str, expected: str | None) -> None:
    found = opens_in_gap(window(opens, HOUR), utc("2026-01-01T00:00"), utc("2027-01-01T00:00"))
    assert found == (utc(expected) if expected else None)


openings = st.sampled_from(["0 2 * * *", "30 1,2 * * *", "0 22 * * 5", "*/30 1-4 * * *", "0 0 * * *", "every 5 hours"])
lengths = st.sampled_from([60.0, 1800.0, 3 * HOUR, 25 * HOUR, 100.5])
instants = st.one_of(
    st.datetimes(datetime.fromisoformat("2026-01-01"), datetime.fromisoformat("2027-12-01"), timezones=st.just(UTC)),
    # Clocks change on few days of the year.
    st.builds(
        lambda day, seconds: datetime(2026, day[0], day[1], tzinfo=UTC) + timedelta(seconds=seconds),
        st.sampled_from([(3, 8), (3, 28), (4, 4), (10, 3), (10, 24), (11, 1)]),
        st.integers(-2 * 86400, 2 * 86400),
    ),
)


zones = st.sampled_from(["Europe/Berlin", "Australia/Lord_Howe", "America/Havana", "Antarctica/Troll"])


@given(openings, lengths, instants, zones)
@example("0 2 * * *", 25 * HOUR, utc("2026-10-24"), "Antarctica/Troll")
@settings(max_examples=200, deadline=None)
def test_occurrences_and_state_agree_and_never_overlap(opens: str, lasts: float, now: datetime, zone: str) -> None:
    nightly = window(opens, lasts, zone)

    def endless(one: Open) -> bool:
        # One that hardly ever closes is followed for MERGES links, of which each is at least nine tenths as long.
        return (one.until - one.since).total_seconds() > 0.9 * MERGES * lasts

    found = list(occurrences(nightly, now, now + timedelta(days=3)))
    for one in found:
        assert state(nightly, one.since) == one or endless(one)
        assert not isinstance(state(nightly, one.until), Open) or endless(one)
    assert all(earlier.until < later.since for earlier, later in pairwise(found)) or lasts > 24 * HOUR
    here = state(nightly, now)
    if isinstance(here, Open):
        assert here.since <= now < here.until
        assert found[0] == here
    else:
        assert here.next_opening is not None
        assert now < here.next_opening


SWEPT: tuple[tuple[str, float, Matches], ...] = (
    ("0 2 * * *", 3 * HOUR, lambda wall: (wall.hour, wall.minute) == (2, 0)),
    ("30 2 * * *", 1800.0, lambda wall: (wall.hour, wall.minute) == (2, 30)),
    ("30 23 * * *", 5 * HOUR, lambda wall: (wall.hour, wall.minute) == (23, 30)),
    ("0,30 1,2,3 * * *", 1800.0, lambda wall: wall.hour in (1, 2, 3) and wall.minute in (0, 30)),
)


@pytest.mark.slow
def test_windows_over_every_change_of_every_clock_are_open_as_the_oracle_says() -> None:
    wrong = []
    for change in world().changes:
        zone = ZoneInfo(change.zone)
        start, end = change.instant - timedelta(hours=12), change.instant + timedelta(hours=9)
        clock = WallClock(zone, start, end)
        for opens, lasts, matches in SWEPT:
            begins = clock.fixed(matches) if opens.startswith(("0 2", "30")) else clock.frequent(matches)
            open_minutes = {begin + number * MINUTE for begin in begins for number in range(int(lasts // 60))}
            gated = Gate(parse(opens), lasts, zone)
            found = set()
            for one in occurrences(gated, start + timedelta(hours=5), end):
                minutes = int((one.until - one.since).total_seconds() // 60)
                found |= {one.since + number * MINUTE for number in range(minutes)}
            ticks = [tick for tick in clock.ticks if start + timedelta(hours=5) <= tick < end]
            wrong += [(change, opens, tick) for tick in ticks if (tick in found) != (tick in open_minutes)]
            sampled = [(tick, isinstance(state(gated, tick), Open)) for tick in ticks[::97]]
            wrong += [(change, opens, tick) for tick, found_open in sampled if found_open != (tick in open_minutes)]
    assert not wrong, wrong[:3]
