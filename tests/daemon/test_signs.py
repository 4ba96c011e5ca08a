from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.daemon.loop import Loop
from agent.daemon.signs import PATIENCE, Signs
from agent.drivers.notifier import SECONDS
from agent.engine.sender_protocol import Request
from tests.fakes import FakeClock
from tests.notices import notifier

PROGRAM = """
import json, sys, time
name = json.load(sys.stdin)["alive"][0]
with open({log!r}, "a") as log:
    log.write(name + chr(10))
if name == "hangs":
    time.sleep(60)
"""


class Bench:
    """Signs of life by a program of the test's, and a clock that the test moves."""

    def __init__(self, place: Path) -> None:
        self.log = place / "log"
        self.log.touch()
        self.clock = FakeClock()
        self.loop = Loop(self.clock, lambda _: None, lambda: None)
        self.told = 0
        command = (sys.executable, "-I", "-S", "-c", PROGRAM.format(log=str(self.log)))
        self.signs = Signs(self.loop, self.clock, command, self._asked, self._heard)

    def _asked(self, alive: tuple[str, ...]) -> Request:
        return Request(directory="/x", host="shop", timezone="UTC", notifiers={}, alive=alive)

    def _heard(self) -> None:
        self.told += 1

    def force(self, **every: float | None) -> None:
        made = [notifier(name=name, kind="deadman", settings={"every": one}) for name, one in every.items()]
        self.signs.put_in_force({one.name: one for one in made})

    @property
    def sent(self) -> list[str]:
        return self.log.read_text().split()

    def until(self, count: int) -> None:
        """Turn the loop until so many signs of life were sent and written down."""
        while self.told < count:
            self.loop.turn(1.0)

    def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.loop.turn(0.0)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.signs.stop()
    made.loop.close()


def test_signs_of_life_are_sent_in_their_intervals(bench: Bench) -> None:
    bench.force(alive=60.0, runs=None)
    bench.until(1)
    bench.pass_time(59)
    assert not bench.signs.working
    bench.pass_time(1)
    bench.until(2)
    assert bench.sent == ["alive", "alive"]


def test_signs_of_life_to_a_switch_that_hangs_delay_no_other(bench: Bench) -> None:
    bench.force(hangs=10.0, alive=10.0)
    for count in range(1, 4):
        bench.until(count)
        bench.pass_time(10)
    assert bench.sent.count("alive") >= 3
    assert bench.signs.working


def test_patience_is_longer_than_any_driver_takes() -> None:
    assert PATIENCE == 3 * SECONDS


def test_sign_of_life_that_hangs_is_ended_and_the_next_is_sent(bench: Bench) -> None:
    bench.force(hangs=10.0)
    while not bench.sent:
        bench.loop.turn(0.01)
    bench.pass_time(PATIENCE)
    while len(bench.sent) < 2:
        bench.loop.turn(0.01)


def test_signs_of_life_go_on_in_their_interval_after_a_reload(bench: Bench) -> None:
    bench.force(alive=60.0)
    bench.until(1)
    bench.pass_time(30)
    bench.force(alive=60.0, other=60.0)
    bench.until(2)
    assert sorted(bench.sent) == ["alive", "other"]
    bench.force()
    bench.pass_time(3600)
    assert not bench.signs.working
