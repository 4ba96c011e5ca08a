"""A limit on what is read in a second."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.drivers.repositories.tar.pace import Pace
from agent.ports import StopRequested
from tests.drivers.repositories.tar.house import House
from tests.fakes import FakeClock


def test_pace_waits_until_what_went_by_is_paid_for() -> None:
    clock = FakeClock()
    begun = clock.monotonic()
    pace = Pace(clock, 1000, lambda: False)
    for _ in range(10):
        pace.passed(500)
    assert clock.monotonic() - begun == pytest.approx(5.0)


def test_pace_does_not_make_up_for_a_pause() -> None:
    clock = FakeClock()
    pace = Pace(clock, 1000, lambda: False)
    clock.advance(100)
    begun = clock.monotonic()
    pace.passed(2000)
    assert clock.monotonic() - begun == pytest.approx(2.0)


def test_pace_without_a_limit_never_waits() -> None:
    clock = FakeClock()
    begun = clock.monotonic()
    Pace(clock, 0, lambda: True).passed(10**12)
    assert clock.monotonic() == begun


def test_pace_leaves_off_when_told_to_stop() -> None:
    clock = FakeClock()
    begun = clock.monotonic()
    with pytest.raises(StopRequested):
        Pace(clock, 1000, lambda: clock.monotonic() - begun > 3).passed(10**9)
    assert clock.monotonic() - begun < 5


def test_backup_takes_as_long_as_its_limit_says(tmp_path: Path) -> None:
    taken = []
    for limit in (None, 1 << 20):
        clock = FakeClock()
        place = tmp_path / str(limit)
        place.mkdir()
        house = House(place, clock=clock, limit_read=limit)
        (house.tree / "file").write_bytes(bytes(range(256)) * 4096 * 3)
        begun = clock.monotonic()
        assert house.create().flaws == ()
        taken.append(clock.monotonic() - begun)
    # tar fills its last record up.
    assert 3.0 <= taken[1] - taken[0] <= 4.0
