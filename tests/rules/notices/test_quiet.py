from __future__ import annotations

from datetime import UTC, datetime
from itertools import count
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from agent.model.policies import Quiet
from agent.rules.notices.quiet import silent_until

BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str, zone: ZoneInfo = BERLIN, fold: int = 0) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).timestamp()


def hours(start: str, end: str) -> Quiet:
    def minutes(text: str) -> int:
        return int(text[:2]) * 60 + int(text[3:])

    return Quiet(minutes(start), minutes(end), "Europe/Berlin", ())


@pytest.mark.parametrize(
    ("start", "end", "now", "until"),
    [
        ("22:00", "07:00", "2026-03-10T21:59:59", None),
        ("22:00", "07:00", "2026-03-10T22:00:00", "2026-03-11T07:00"),
        ("22:00", "07:00", "2026-03-11T06:59:59", "2026-03-11T07:00"),
        ("22:00", "07:00", "2026-03-11T07:00:00", None),
        ("12:00", "13:30", "2026-03-11T13:29:00", "2026-03-11T13:30"),
        ("12:00", "13:30", "2026-03-11T11:59:00", None),
        # The clock jumps from 02:00 to 03:00 on 29 March.
        ("22:00", "02:30", "2026-03-29T01:59:00", "2026-03-29T03:00"),
        ("22:00", "07:00", "2026-03-28T23:00:00", "2026-03-29T07:00"),
        # And back from 03:00 to 02:00 on 25 October.
        ("22:00", "07:00", "2026-10-24T23:00:00", "2026-10-25T07:00"),
        ("22:00", "02:30", "2026-10-25T01:59:00", "2026-10-25T02:30"),
    ],
)
def test_quiet_hours_end_by_the_clock_on_the_wall(start: str, end: str, now: str, until: str | None) -> None:
    expected = None if until is None else at(until)
    assert silent_until(hours(start, end), BERLIN, at(now)) == expected


def test_quiet_hours_that_come_again_when_the_clock_is_set_back_end_again() -> None:
    # 02:10 comes twice that night; the second time it is quiet once more, until 02:30 comes the second time.
    again = at("2026-10-25T02:10:00", fold=1)
    assert silent_until(hours("22:00", "02:30"), BERLIN, again) == at("2026-10-25T02:30", fold=1)


def test_clock_set_back_to_before_quiet_hours_ends_them() -> None:
    assert silent_until(hours("02:30", "07:00"), BERLIN, at("2026-10-25T02:40:00")) == at("2026-10-25T02:00", fold=1)


def test_quiet_hours_go_on_where_the_time_between_them_is_left_out() -> None:
    # Between 02:10 and 02:20 nothing is held back, and that night has neither.
    assert silent_until(hours("02:20", "02:10"), BERLIN, at("2026-03-29T01:00:00")) == at("2026-03-30T02:10")


ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Antarctica/Troll", "America/Havana", "UTC"]
MINUTES = st.one_of(st.integers(0, 1439), st.integers(0, 200), st.sampled_from([1380, 1439]))
# Clocks change on few days of the year; most of these are near one.
NOWS = st.builds(
    lambda month, day, minute: datetime(2026, month, day, tzinfo=UTC).timestamp() + 60 * minute,
    st.sampled_from([1, 3, 4, 10, 11]),
    st.sampled_from([1, 5, 8, 25, 29]),
    st.integers(-1440, 1440),
)


@given(MINUTES, MINUTES, NOWS, st.sampled_from(ZONES))
def test_quiet_hours_end_when_the_clock_on_the_wall_first_says_so(start: int, end: int, now: float, name: str) -> None:
    assume(start != end)
    zone = ZoneInfo(name)

    def silent(instant: float) -> bool:
        local = datetime.fromtimestamp(instant, zone)
        return (local.hour * 60 + local.minute - start) % 1440 < (end - start) % 1440

    expected = next(later for minute in count() if not silent(later := now + 60 * minute))
    assert silent_until(Quiet(start, end, name, ()), zone, now) == (None if expected == now else expected)
