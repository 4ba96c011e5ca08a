"""Starting many runs takes time, and the daemon has other things to do meanwhile."""

from __future__ import annotations

from collections.abc import Sequence

from agent.daemon.dispatcher import PASS_SECONDS
from agent.ports import Bounds
from agent.store import Store
from tests.daemon.test_dispatcher import House
from tests.fakes import FakeChild, FakeClock, FakeLauncher, task


class Slow(FakeLauncher):
    """A launcher that takes its time; `clock` is whose."""

    clock: FakeClock | None = None

    def start(self, run: int, attempt: int, argv: Sequence[str], bounds: Bounds) -> FakeChild:
        if self.clock is not None:
            self.clock.advance(PASS_SECONDS / 4)
        return super().start(run, attempt, argv, bounds)


def test_pass_ends_when_it_took_too_long_and_the_next_goes_on_at_once(store: Store) -> None:
    launcher = Slow()
    house = House(store, *(task(f"t{n}") for n in range(12)), limit=12, launcher=launcher)
    launcher.clock = house.clock
    for n in range(12):
        house.make(f"t{n}")
    counts = []
    while (again := house.dispatcher.dispatch()) is not None:
        assert again <= house.now
        counts.append(len(launcher.started))
    counts.append(len(launcher.started))
    assert counts == [5, 10, 12]
    assert house.dispatcher.pending == 0
