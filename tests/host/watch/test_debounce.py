"""When a burst of events has settled."""

from __future__ import annotations

import pytest

from agent.host.watch import Debounce


def test_debounce_burst_settles_after_its_last_event() -> None:
    debounce = Debounce(quiet=0.25, at_most=2.0)
    assert debounce.due() is None
    assert not debounce.settled(0.0)
    for instant in (10.0, 10.1, 10.3):
        debounce.event(instant)
    assert debounce.due() == pytest.approx(10.55)
    assert not debounce.settled(10.5)
    assert debounce.settled(10.56)
    assert not debounce.settled(99.0)


def test_debounce_endless_burst_settles_at_most_after() -> None:
    debounce = Debounce(quiet=0.25, at_most=1.0)
    for tenth in range(100, 120):
        debounce.event(tenth / 10)
    assert debounce.due() == pytest.approx(11.0)
