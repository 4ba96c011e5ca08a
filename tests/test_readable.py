"""Instants and durations as people read them, whatever they are."""

from __future__ import annotations

import re
from datetime import UTC
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.readable import duration, instant


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "1970-01-01 00:00:00"),
        (-62135596800.0, "1-01-01 00:00:00"),
        (253402300799.0, "9999-12-31 23:59:59"),
        (253402300800.0, "@2.53402e+11"),
        (1e300, "@1e+300"),
        (None, "-"),
    ],
)
def test_instant_is_read_by_the_calendar_if_that_has_it(seconds: float | None, text: str) -> None:
    assert instant(seconds, UTC) == text


@given(st.floats() | st.floats(-62135700000, -62135500000) | st.floats(253402200000, 253402400000))
def test_every_number_is_some_instant(seconds: float) -> None:
    for zone in ("UTC", "America/Los_Angeles", "Pacific/Kiritimati"):
        assert instant(seconds, ZoneInfo(zone))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0ms"),
        (0.85, "850ms"),
        (0.9996, "1.0s"),
        (12.0, "12.0s"),
        (59.96, "1m00s"),
        (185, "3m05s"),
        (3599.6, "1h00m"),
        (7800, "2h10m"),
        (4 * 86400 + 3 * 3600, "4d3h"),
        (-90.0, "-1m30s"),
        (None, "-"),
    ],
)
def test_duration_is_short(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


@given(st.floats(-1e12, 1e12))
def test_no_part_of_a_duration_is_as_much_as_one_of_the_next(seconds: float) -> None:
    most = {"ms": 999, "s": 59.9, "m": 59, "h": 23, "d": 1e12}
    parts = re.findall(r"([\d.]+)(ms|[smhd])", duration(seconds))
    assert "".join(number + unit for number, unit in parts) == duration(seconds).removeprefix("-")
    assert all(float(number) <= most[unit] for number, unit in parts)
