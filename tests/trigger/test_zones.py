"""Zones by name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from agent.trigger import ScheduleError, zone
from agent.trigger.offsets import Gap, gaps

LOCAL = ZoneInfo("Asia/Kolkata")


def test_zone_local_is_the_hosts_own() -> None:
    assert zone("local", LOCAL) is LOCAL


def test_zone_known_name_is_found() -> None:
    assert zone("Europe/Berlin", LOCAL) == ZoneInfo("Europe/Berlin")
    assert zone("UTC", LOCAL) is UTC


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("europe/berlin", '"Europe/Berlin"'),
        ("Berlin", '"Europe/Berlin"'),
        ("Europe/Berln", '"Europe/Berlin"'),
        ("America/New York", '"America/New_York"'),
        ("right/Europe/Paris", '"Europe/Paris"'),
        ("posix/Europe/Paris", '"Europe/Paris"'),
        ("", "Europe/Berlin"),
        ("../../etc/passwd", "local"),
        ("/etc/localtime", "local"),
        ("Europe", "Europe/"),
        ("a\0b", "local"),
        ("€" * 2000, "local"),
        ("tzdata.zi", "local"),
    ],
)
def test_zone_unknown_name_suggests_the_nearest(name: str, suggestion: str) -> None:
    with pytest.raises(ScheduleError) as caught:
        zone(name, LOCAL)
    assert suggestion in caught.value.suggestion


def test_gaps_of_a_year_are_found_to_the_second() -> None:
    start = datetime(2026, 1, 1, 0, 0, 0, 5, tzinfo=UTC)
    found = list(gaps(ZoneInfo("Europe/Berlin"), start, start + timedelta(days=365)))
    begin = datetime.fromisoformat("2026-03-29T02:00")
    assert found == [Gap(datetime(2026, 3, 29, 1, tzinfo=UTC), begin, begin + timedelta(hours=1))]
    assert list(gaps(UTC, start, start + timedelta(days=365))) == []
