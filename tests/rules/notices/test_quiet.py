from __future__ import annotations

from datetime import UTC, datetime, timedelta
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


@given(
    st.integers(0, 1439),
    st.integers(0, 1439),
    st.integers(0, 365 * 24 * 60),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"]),
)
def test_quiet_hours_end_after_now_within_a_day_and_a_bit(start: int, end: int, minutes: int, name: str) -> None:
    instant = datetime(2026, 1, 1, tzinfo=UTC).timestamp() + 60 * minutes
    assume(start != end)
    until = silent_until(Quiet(start, end, name, ()), ZoneInfo(name), instant)
    assert until is None or instant < until <= instant + timedelta(hours=26).total_seconds()
