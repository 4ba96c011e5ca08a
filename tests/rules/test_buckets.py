from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest

from agent.rules.buckets import BUCKETS, Keep, kept

BERLIN = ZoneInfo("Europe/Berlin")
KIRITIMATI = ZoneInfo("Pacific/Kiritimati")
NEW_YORK = ZoneInfo("America/New_York")


def at(text: str, zone: tzinfo = UTC) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()


def told(texts: list[str], keep: Keep, zone: tzinfo = UTC) -> dict[str, str]:
    """Return what keeps each of some instants, given and told as UTC."""
    found = kept([at(text) for text in texts], keep, zone)
    return {texts[index]: ", ".join(reasons) for index, reasons in found.items()}


def test_kept_of_a_backup_a_day_for_400_days_is_what_restic_keeps() -> None:
    newest = datetime(2026, 8, 20, 3, tzinfo=UTC)
    instants = [(newest - timedelta(days=days)).timestamp() for days in range(400)]
    days = [newest.date() - timedelta(days=rank) for rank in kept(instants, Keep(daily=7, weekly=4, monthly=6), UTC)]
    assert days == [
        *(date(2026, 8, day) for day in (20, 19, 18, 17, 16, 15, 14, 9, 2)),
        *(date(2026, 7, 31), date(2026, 6, 30), date(2026, 5, 31), date(2026, 4, 30), date(2026, 3, 31)),
    ]


@pytest.mark.parametrize(
    ("keep", "texts", "expected"),
    [
        # Each rule counts for itself, and one backup takes a slot of each that it is the first for.
        (
            Keep(last=1, daily=2, yearly=2),
            ["2026-03-03T22", "2026-03-03T10", "2026-03-01T10", "2025-12-31T10", "2024-01-01T10"],
            {
                "2026-03-03T22": "last 1 of 1, daily 1 of 2, yearly 1 of 2",
                "2026-03-01T10": "daily 2 of 2",
                "2025-12-31T10": "yearly 2 of 2",
            },
        ),
        # The oldest takes a slot of each rule that has one left, though it is not the first of its bucket.
        (
            Keep(last=2, daily=2, monthly=3),
            ["2026-03-03T22", "2026-03-03T10", "2026-03-03T09"],
            {
                "2026-03-03T22": "last 1 of 2, daily 1 of 2, monthly 1 of 3",
                "2026-03-03T10": "last 2 of 2",
                "2026-03-03T09": "daily 2 of 2, monthly 2 of 3",
            },
        ),
        # Weeks are those of ISO 8601: 2027-01-01 is of the last week of 2026, and weeks begin on Mondays.
        (
            Keep(weekly=2),
            ["2027-01-04T00", "2027-01-03T23", "2027-01-01T12", "2026-12-28T00", "2026-12-27T00"],
            {"2027-01-04T00": "weekly 1 of 2", "2027-01-03T23": "weekly 2 of 2"},
        ),
        (
            Keep(quarterly=3),
            ["2026-07-01T00", "2026-06-30T23", "2026-04-01T00", "2026-03-31T23", "2025-12-31T00"],
            {
                "2026-07-01T00": "quarterly 1 of 3",
                "2026-06-30T23": "quarterly 2 of 3",
                "2026-03-31T23": "quarterly 3 of 3",
            },
        ),
        # Back from the newest, whenever now is; what is exactly so old is out.
        (
            Keep(within=86400.0),
            ["2026-03-03T22", "2026-03-02T23", "2026-03-02T22", "2026-03-01T00"],
            {"2026-03-03T22": "within", "2026-03-02T23": "within"},
        ),
        (Keep(last=3), [], {}),
        (Keep(daily=1), ["2026-03-03T22"], {"2026-03-03T22": "daily 1 of 1"}),
    ],
)  # fmt: skip
def test_kept_by_rules_is_told_with_its_slots(keep: Keep, texts: list[str], expected: dict[str, str]) -> None:
    assert told(texts, keep) == expected


def test_days_are_those_of_the_zone() -> None:
    texts = ["2026-03-03T23:30", "2026-03-03T22:30"]
    assert list(told(texts, Keep(daily=1, monthly=1))) == texts[:1]
    assert told(texts, Keep(daily=2), BERLIN) == {texts[0]: "daily 1 of 2", texts[1]: "daily 2 of 2"}


def test_hour_that_is_repeated_is_of_one_day() -> None:
    # In New York, 2026-11-01 has 25 hours: it ends at 05:00 UTC.
    texts = ["2026-11-02T04:59", "2026-11-01T06:30", "2026-11-01T05:30", "2026-11-01T03:59"]
    assert told(texts, Keep(daily=2), NEW_YORK) == {texts[0]: "daily 1 of 2", texts[3]: "daily 2 of 2"}


def oracle(instants: list[float], keep: Keep, zone: tzinfo) -> set[int]:
    """Say the same by sets: each rule keeps the newest of its newest buckets, and the oldest if they are too few."""
    walls = [datetime.fromtimestamp(instant, UTC) for instant in instants]
    days = [(wall + (zone.utcoffset(wall.astimezone(zone)) or timedelta())).date() for wall in walls]
    names = {
        "last": list(range(len(days))),
        "daily": [day.toordinal() for day in days],
        "weekly": [(day.toordinal() - 1) // 7 for day in days],
        "monthly": [day.year * 12 + day.month for day in days],
        "quarterly": [day.year * 4 + (day.month + 2) // 3 for day in days],
        "yearly": [day.year for day in days],
    }
    chosen = {i for i, one in enumerate(instants) if keep.within is not None and max(instants) - one < keep.within}
    for name, buckets in names.items():
        count = getattr(keep, name)
        newest = sorted({buckets.index(bucket) for bucket in buckets})
        chosen |= set(newest[:count])
        if len(newest) < count and instants:
            chosen.add(len(instants) - 1)
    return chosen


def test_kept_of_random_series_is_what_an_oracle_says() -> None:
    chance = random.Random(20260331)
    for _ in range(1500):
        spread = 86400 * chance.choice((1, 10, 100, 1500))
        newest = at("2026-11-05T00") + chance.randrange(-(10**8), 10**8)
        instants = sorted((newest - chance.randrange(spread) for _ in range(chance.randrange(40))), reverse=True)
        rules = {name: chance.choice((0, 0, 1, 2, 3, 7, 50)) for name in BUCKETS}
        keep = Keep(**rules, within=chance.choice((None, 1.0, 86400.0, 30 * 86400.0)))
        zone = chance.choice((UTC, BERLIN, NEW_YORK, KIRITIMATI))
        found = kept(instants, keep, zone)
        assert set(found) == oracle(instants, keep, zone), (instants, keep, zone)
        for name in BUCKETS:
            slots = [reason for reasons in found.values() for reason in reasons if reason.startswith(name)]
            assert slots == [f"{name} {slot + 1} of {rules[name]}" for slot in range(len(slots))]


def test_keep_of_nothing_says_so() -> None:
    assert not Keep().keeps_something()
    assert not Keep(within=0.0).keeps_something()
    assert Keep(within=1.0).keeps_something()
    assert all(Keep(**{name: 1}).keeps_something() for name in BUCKETS)
