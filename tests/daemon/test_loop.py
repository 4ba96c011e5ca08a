from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from agent.daemon.loop import AGAIN_SECONDS, Loop
from agent.errors import StoreError
from agent.host.clock import SystemClock
from tests.fakes import FakeClock


class Heard:
    """Counts what the loop calls back."""

    def __init__(self) -> None:
        self.steps: list[float] = []
        self.errors = 0
        self.calls: list[str] = []

    def step(self, seconds: float) -> None:
        self.steps.append(seconds)

    def error(self) -> None:
        self.errors += 1


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def loop(clock: FakeClock, heard: Heard) -> Iterator[Loop]:
    made = Loop(clock, heard.step, heard.error)
    yield made
    made.close()


def test_alarm_calls_back_once_when_its_instant_has_come(loop: Loop, clock: FakeClock, heard: Heard) -> None:
    loop.alarm("a", clock.monotonic() + 5, lambda: heard.calls.append("a"))
    loop.turn(0)
    assert heard.calls == []
    clock.advance(5)
    loop.turn(0)
    loop.turn(0)
    assert heard.calls == ["a"]


def test_alarm_set_again_replaces_and_none_takes_it_away(loop: Loop, clock: FakeClock, heard: Heard) -> None:
    loop.alarm("a", clock.monotonic(), lambda: heard.calls.append("early"))
    loop.alarm("a", clock.monotonic() + 1, lambda: heard.calls.append("late"))
    loop.turn(0)
    assert heard.calls == []
    loop.alarm("a", None, lambda: None)
    clock.advance(2)
    loop.turn(0)
    assert heard.calls == []


def test_alarms_due_together_are_called_in_order_of_their_instants(loop: Loop, clock: FakeClock, heard: Heard) -> None:
    loop.alarm("second", clock.monotonic() + 2, lambda: heard.calls.append("second"))
    loop.alarm("first", clock.monotonic() + 1, lambda: heard.calls.append("first"))
    clock.advance(3)
    loop.turn(0)
    assert heard.calls == ["first", "second"]


def test_alarm_moved_or_taken_away_by_one_due_with_it_is_not_called(loop: Loop, clock: FakeClock, heard: Heard) -> None:
    def first() -> None:
        loop.alarm("gone", None, lambda: None)
        loop.alarm("later", clock.monotonic() + 1, lambda: heard.calls.append("later"))

    loop.alarm("a", clock.monotonic() - 1, first)
    for name in ("gone", "later"):
        loop.alarm(name, clock.monotonic(), lambda: heard.calls.append("at once"))
    loop.turn(0)
    assert heard.calls == []
    clock.advance(1)
    loop.turn(0)
    assert heard.calls == ["later"]


def test_alarm_set_by_a_signal_handler_while_the_loop_turns_is_kept(heard: Heard) -> None:
    loop = Loop(SystemClock(), lambda _: None, heard.error)
    number = 0

    def handler(*_: object) -> None:
        nonlocal number
        number += 1
        loop.alarm(f"signal-{number}", 0.0, lambda: heard.calls.append("x"))
        loop.wake()

    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
    try:
        while number < 500:
            loop.turn(0.01)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    loop.turn(0)
    loop.close()
    assert len(heard.calls) == number


@pytest.mark.parametrize("seconds", [-3600.0, 3600.0, 86400.0 * 365])
def test_step_of_the_wall_clock_is_told_and_the_heartbeat_goes_on(
    loop: Loop, clock: FakeClock, heard: Heard, seconds: float
) -> None:
    clock.step(seconds)
    loop.turn(0)
    loop.turn(0)
    assert heard.steps == [pytest.approx(seconds)]


def test_step_is_told_with_how_long_nobody_had_looked(loop: Loop, clock: FakeClock, heard: Heard) -> None:
    loop.turn(0.0)
    clock.advance(2.0)
    clock.step(-70.0)
    clock.advance(1.5)
    loop.turn(0.0)
    assert heard.steps == [pytest.approx(-70.0)]
    assert loop.unseen == pytest.approx(3.5)


def test_slow_drift_of_the_wall_clock_is_not_a_step(loop: Loop, clock: FakeClock, heard: Heard) -> None:
    for _ in range(100):
        clock.step(0.05)
        loop.turn(0)
    assert heard.steps == []


def test_error_in_a_callback_is_counted_and_the_others_are_called(loop: Loop, clock: FakeClock, heard: Heard) -> None:
    def burst() -> None:
        raise KeyError("x")

    loop.alarm("a", clock.monotonic(), burst)
    loop.alarm("b", clock.monotonic(), lambda: heard.calls.append("b"))
    loop.turn(0)
    assert (heard.errors, heard.calls) == (1, ["b"])


def test_alarm_insisted_on_comes_again_until_its_callback_holds(loop: Loop, clock: FakeClock, heard: Heard) -> None:
    def fail_twice() -> None:
        heard.calls.append("insisted")
        if len(heard.calls) < 3:
            raise StoreError("locked")

    loop.insist("a", clock.monotonic(), fail_twice)
    for _ in range(5):
        loop.turn(0)
        loop.turn(0)
        clock.advance(AGAIN_SECONDS)
    assert (len(heard.calls), heard.errors) == (3, 2)


def test_alarm_insisted_on_that_sets_or_takes_away_itself_is_as_it_says(
    loop: Loop, clock: FakeClock, heard: Heard
) -> None:
    def moved() -> None:
        heard.calls.append("moved")
        loop.insist("a", clock.monotonic() + 60.0, lambda: heard.calls.append("later"))

    def gone() -> None:
        heard.calls.append("gone")
        loop.insist("b", None, gone)

    loop.insist("a", clock.monotonic(), moved)
    loop.insist("b", clock.monotonic(), gone)
    for _ in range(12):
        loop.turn(0)
        clock.advance(10.0)
    assert heard.calls == ["moved", "gone", "later"]


def test_wake_from_another_thread_ends_the_sleep(loop: Loop) -> None:
    threading.Timer(0.05, loop.wake).start()
    begun = time.monotonic()
    loop.turn(60)
    assert time.monotonic() - begun < 30


def test_watched_descriptor_calls_back_while_it_is_readable(loop: Loop, heard: Heard) -> None:
    reader, writer = os.pipe()
    loop.watch(reader, lambda: heard.calls.append(os.read(reader, 10).decode()))
    os.write(writer, b"x")
    loop.turn(1)
    loop.turn(0)
    assert heard.calls == ["x"]
    loop.unwatch(reader)
    os.close(reader)
    os.close(writer)


def test_every_beats_in_real_time_and_stop_leaves(heard: Heard) -> None:
    loop = Loop(SystemClock(), lambda _: None, heard.error)

    def beat() -> None:
        heard.calls.append("beat")
        loop.stop()

    loop.every(1, beat)
    loop.run()
    loop.close()
    assert heard.calls == ["beat"]


def test_steady_callback_comes_at_once_and_then_at_its_cadence_whatever_it_raises(
    loop: Loop, clock: FakeClock, heard: Heard
) -> None:
    def beat() -> None:
        heard.calls.append("beat")
        raise KeyError("x")

    loop.steadily("a", 10, beat)
    for seconds, count in ((0, 1), (9.5, 1), (0.75, 2), (9.75, 3), (35, 4), (0, 4), (9.75, 4), (0.5, 5)):
        clock.advance(seconds)
        loop.turn(0)
        loop.turn(0)
        assert len(heard.calls) == count, seconds
    assert heard.errors == 5


def test_beat_nearly_due_comes_when_the_loop_is_awake_anyway(heard: Heard) -> None:
    loop = Loop(SystemClock(), lambda _: None, heard.error)
    loop.every(2, lambda: heard.calls.append("beat"))
    begun = time.monotonic()
    while not heard.calls:
        loop.turn(0.05)
    loop.turn(0)
    assert time.monotonic() - begun > 1.85
    assert heard.calls == ["beat"]
    loop.close()
