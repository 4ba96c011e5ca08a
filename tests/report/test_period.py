from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.report.period import MOST_SLICES, Period, place, read_instant

NOW = datetime(2026, 11, 24, 19, 0, tzinfo=UTC).timestamp()
BERLIN = ZoneInfo("Europe/Berlin")
# Some change at midnight, by half an hour or by two.
ZONES = st.sampled_from(
    ["UTC", "Europe/Berlin", "Asia/Kathmandu", "America/Havana", "Australia/Lord_Howe", "Antarctica/Troll"]
)


@given(st.floats(0, 4e9), st.floats(1.0, 1e8) | st.floats(1.0, 3.2e9), ZONES)
def test_edges_cover_the_period_in_order_and_are_few(since: float, length: float, zone: str) -> None:
    edges = Period(since, since + length, ZoneInfo(zone)).edges()
    assert edges[0] == since
    assert edges[-1] == since + length
    assert all(before < after for before, after in pairwise(edges))
    assert len(edges) <= MOST_SLICES + 12


@given(st.floats(-10, 110))
def test_place_is_the_slice_that_an_instant_lies_in(instant: float) -> None:
    edges = [0.0, 10.0, 50.0, 100.0]
    found = place(edges, instant)
    assert edges[found] <= max(0.0, min(instant, 100.0)) <= edges[found + 1]


def test_a_month_is_cut_at_the_zones_midnights_also_when_clocks_change() -> None:
    period = Period(read_instant("30d", NOW, BERLIN), NOW, BERLIN)
    assert {datetime.fromtimestamp(edge, BERLIN).hour for edge in period.edges()[:-1]} == {0}
    assert period.name(*period.edges()[:2]) == "Sun 25 Oct 2026"
    assert period.edges()[1] - period.edges()[0] == 25 * 3600
    assert str(period) == "25 Oct 2026 to 24 Nov 2026"
    assert period.short(period.edges()[0]) == "25 Oct"


def test_a_day_is_cut_at_its_hours() -> None:
    period = Period(NOW - 86_400, NOW, UTC)
    assert len(period.edges()) == 25
    assert period.name(*period.edges()[:2]) == "Mon 23 Nov, 19:00"
    assert "19:00" in str(period)


def test_years_are_cut_in_longer_slices() -> None:
    period = Period(NOW - 3 * 366 * 86_400, NOW, UTC)
    assert len(period.edges()) < MOST_SLICES
    assert period.name(*period.edges()[:2]) == "22 Nov to 19 Dec 2023"
    assert period.short(NOW) == "Nov 2026"


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("6h", datetime(2026, 11, 24, 13, 0, tzinfo=UTC)),
        ("7d", datetime(2026, 11, 17, 0, 0, tzinfo=BERLIN)),
        ("2026-11-01", datetime(2026, 11, 1, tzinfo=BERLIN)),
        ("2026-11-01T12:30", datetime(2026, 11, 1, 12, 30, tzinfo=BERLIN)),
        ("2026-11-01T12:30+00:00", datetime(2026, 11, 1, 12, 30, tzinfo=UTC)),
    ],
)
def test_instants_are_read_as_people_write_them(text: str, instant: datetime) -> None:
    assert read_instant(text, NOW, BERLIN) == instant.timestamp()


@pytest.mark.parametrize("text", ["", "soon", "2026-13-01", "30", "2026-11-01 yesterday", "-3d"])
def test_what_is_no_instant_is_refused_with_what_would_be_right(text: str) -> None:
    with pytest.raises(ValueError, match=r"duration|date"):
        read_instant(text, NOW, BERLIN)
