from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from agent.daemon.loop import Loop
from agent.daemon.upkeep import AGAIN_SECONDS, Upkeep
from agent.store import Store
from agent.store.runs import PRUNED_AT_MOST
from agent.store.verify import verify
from tests.fakes import EPOCH, FakeClock
from tests.store.endings import ended

DAY = 86_400.0


def test_more_than_is_forgotten_at_a_time_is_forgotten_in_turns(tmp_path: Path) -> None:
    clock = FakeClock(EPOCH + timedelta(days=40))
    loop = Loop(clock, lambda _: None, lambda: None)
    with Store(str(tmp_path / "s")) as store:
        store.connection.rows("PRAGMA synchronous = OFF")
        with store.transaction():
            for number in range(PRUNED_AT_MOST + 100):
                ended(store, EPOCH.timestamp() + number)
        Upkeep(store, 30 * DAY, loop, clock, kept_by_server=lambda: False).do()
        assert store.connection.rows("SELECT count(*) FROM runs") == [(100,)]
        clock.advance(AGAIN_SECONDS)
        loop.turn(0)
        assert store.connection.rows("SELECT count(*) FROM runs") == [(20,)]
        clock.advance(AGAIN_SECONDS)
        loop.turn(0)
        assert store.connection.rows("SELECT count(*) FROM runs") == [(20,)]
        verdict = verify(store)
        assert verdict.intact
        assert verdict.kept == 30 * DAY
    loop.close()


class House:
    """A store with 25 ended runs and a clock, and upkeep that has been done once."""

    def __init__(self, place: Path, *, kept_by_server: bool) -> None:
        self.clock = FakeClock(EPOCH)
        self.loop = Loop(self.clock, lambda _: None, lambda: None)
        self.store = Store(str(place / "s"))
        self.store.connection.rows("PRAGMA synchronous = OFF")
        for number in range(25):
            ended(self.store, EPOCH.timestamp() + number)
        self.upkeep = Upkeep(self.store, 30 * DAY, self.loop, self.clock, kept_by_server=lambda: kept_by_server)
        self.upkeep.do()

    def after(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.upkeep.do()

    def runs(self) -> object:
        return self.store.connection.rows("SELECT count(*) FROM runs")[0][0]


@pytest.fixture
def kept_by_server() -> bool:
    return False


@pytest.fixture
def house(tmp_path: Path, kept_by_server: bool) -> Iterator[House]:
    made = House(tmp_path, kept_by_server=kept_by_server)
    with made.store:
        yield made
    made.loop.close()


def test_clock_that_leaps_ahead_makes_nothing_forgotten_until_it_has_gone_right_for_a_day(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    house.clock.step(400 * DAY)
    for _ in range(24):
        house.after(3600)
    assert house.runs() == 25
    assert caplog.text.count("old runs are not forgotten") == 1
    house.after(3600)
    assert house.runs() == 20


def test_clock_that_leaps_ahead_and_is_set_right_is_believed_at_once(house: House) -> None:
    house.clock.step(400 * DAY)
    house.upkeep.do()
    house.clock.step(-400 * DAY)
    for _ in range(31):
        house.after(DAY)
    assert house.runs() == 20


@pytest.mark.parametrize("kept_by_server", [True])
def test_clock_that_a_server_keeps_is_believed(house: House) -> None:
    house.clock.step(400 * DAY)
    house.upkeep.do()
    assert house.runs() == 20


def test_what_else_is_kept_is_seen_to_until_nothing_is_left_and_not_while_the_clock_is_in_doubt(tmp_path: Path) -> None:
    clock = FakeClock(EPOCH)
    loop = Loop(clock, lambda _: None, lambda: None)
    told: list[float] = []

    def tidy(now: float) -> bool:
        told.append(now)
        return len(told) < 3

    with Store(str(tmp_path / "s")) as store:
        upkeep = Upkeep(store, 30 * DAY, loop, clock, kept_by_server=lambda: False, tidy=tidy)
        upkeep.do()
        for _ in range(5):
            clock.advance(AGAIN_SECONDS)
            loop.turn(0)
        assert [now - told[0] for now in told] == [0, AGAIN_SECONDS, 2 * AGAIN_SECONDS]
        clock.step(400 * DAY)
        upkeep.do()
        assert len(told) == 3
    loop.close()
