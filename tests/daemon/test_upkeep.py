from __future__ import annotations

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


def test_clock_that_leaps_ahead_makes_nothing_forgotten_until_it_has_gone_right_for_a_day(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = FakeClock(EPOCH)
    loop = Loop(clock, lambda _: None, lambda: None)
    with Store(str(tmp_path / "s")) as store:
        store.connection.rows("PRAGMA synchronous = OFF")
        for number in range(25):
            ended(store, EPOCH.timestamp() + number)
        upkeep = Upkeep(store, 30 * DAY, loop, clock, kept_by_server=lambda: False)
        upkeep.do()
        clock.step(400 * DAY)
        for _ in range(24):
            clock.advance(3600)
            upkeep.do()
        assert store.connection.rows("SELECT count(*) FROM runs") == [(25,)]
        assert caplog.text.count("old runs are not forgotten") == 1
        clock.advance(3600)
        upkeep.do()
        assert store.connection.rows("SELECT count(*) FROM runs") == [(20,)]
    loop.close()


def test_clock_that_leaps_ahead_and_is_set_right_is_believed_at_once(tmp_path: Path) -> None:
    clock = FakeClock(EPOCH)
    loop = Loop(clock, lambda _: None, lambda: None)
    with Store(str(tmp_path / "s")) as store:
        store.connection.rows("PRAGMA synchronous = OFF")
        for number in range(25):
            ended(store, EPOCH.timestamp() + number)
        upkeep = Upkeep(store, 30 * DAY, loop, clock, kept_by_server=lambda: False)
        upkeep.do()
        clock.step(400 * DAY)
        upkeep.do()
        clock.step(-400 * DAY)
        for _ in range(31):
            clock.advance(DAY)
            upkeep.do()
        assert store.connection.rows("SELECT count(*) FROM runs") == [(20,)]
    loop.close()


def test_clock_that_a_server_keeps_is_believed(tmp_path: Path) -> None:
    clock = FakeClock(EPOCH)
    loop = Loop(clock, lambda _: None, lambda: None)
    with Store(str(tmp_path / "s")) as store:
        store.connection.rows("PRAGMA synchronous = OFF")
        for number in range(25):
            ended(store, EPOCH.timestamp() + number)
        upkeep = Upkeep(store, 30 * DAY, loop, clock, kept_by_server=lambda: True)
        upkeep.do()
        clock.step(400 * DAY)
        upkeep.do()
        assert store.connection.rows("SELECT count(*) FROM runs") == [(20,)]
    loop.close()
