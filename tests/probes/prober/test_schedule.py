from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agent.probes.prober.schedule import FIRST_WITHIN, LONGEST_STEP, STEP, first_due, next_due, shared

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


@given(EVERY, SHARE, SHARE, st.floats(0, LONGEST_STEP, exclude_max=True))
def test_shared_delay_is_within_the_jitter_and_close_to_the_one_that_the_probe_would_have_alone(
    every: float, width: float, share: float, phase: float
) -> None:
    width *= every
    delay = share * width
    found = shared(delay, width, every, phase)
    assert 0 <= found <= max(0.0, width)
    assert abs(found - delay) <= min(LONGEST_STEP, STEP * every) + 1e-6


@given(EVERY, st.lists(SHARE, min_size=30, max_size=30), st.floats(0, LONGEST_STEP, exclude_max=True))
def test_shared_delays_of_many_probes_lie_at_few_instants(every: float, shares: list[float], phase: float) -> None:
    steps = every / min(LONGEST_STEP, STEP * every)
    delays = {round(shared(share * every, every, every, phase), 6) for share in shares}
    assert len(delays) <= steps + 1
