from __future__ import annotations

from datetime import timedelta
from pathlib import Path

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
        with store.transaction():
            for number in range(PRUNED_AT_MOST + 100):
                ended(store, EPOCH.timestamp() + number)
        Upkeep(store, 30 * DAY, loop, clock).do()
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
