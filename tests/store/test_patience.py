"""How long a connection waits for another's write."""

from __future__ import annotations

import itertools

from agent.store.patience import LEAST, MOST, Patience
from tests.fakes import FakeClock


def slept(seconds: float) -> list[float]:
    """Return how long each sleep was of one that waits for a lock which nobody gives back."""
    clock = FakeClock()
    patience = Patience(seconds, clock)
    sleeps: list[float] = []
    for tries in itertools.count():
        before = clock.monotonic()
        if not patience(tries):
            return sleeps
        sleeps.append(clock.monotonic() - before)
    raise AssertionError("endless")


def test_patience_lock_held_forever_ends_after_its_seconds() -> None:
    assert 10.0 <= sum(slept(10.0)) <= 10.0 + MOST + 1e-6


def test_patience_short_write_is_looked_for_at_once_and_seldom_later() -> None:
    sleeps = slept(10.0)
    assert sleeps[0] <= LEAST * 1.01
    for number, sleep in enumerate(sleeps):
        assert sleep <= max(LEAST, sum(sleeps[:number]) / 4)
    assert len(sleeps) < 700


def test_patience_next_lock_has_all_its_seconds_again() -> None:
    clock = FakeClock()
    patience = Patience(10.0, clock)
    assert patience(0)
    clock.advance(60)
    assert not patience(1)
    assert patience(0)
