from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agent.probes.prober.schedule import FIRST_WITHIN, first_due, next_due

NOW = st.floats(0, 1e8)
EVERY = st.floats(1, 86400)
SHARE = st.floats(0, 0.999)


@given(NOW, EVERY, SHARE)
def test_next_due_is_ahead_by_no_more_than_an_interval_and_stays_on_its_grid(
    now: float, every: float, share: float
) -> None:
    delay = share * every
    due = next_due(now, every, delay)
    assert now < due + 1e-6
    assert due <= now + every + 1e-6
    assert abs(next_due(due + every / 2, every, delay) - due - every) < 1e-3


@given(NOW, EVERY, SHARE)
def test_first_due_is_soon_and_never_in_the_past(now: float, every: float, share: float) -> None:
    due = first_due(now, every, share * every)
    assert now - 1e-6 <= due <= now + FIRST_WITHIN
