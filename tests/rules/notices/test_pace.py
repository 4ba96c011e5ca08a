from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agent.model.policies import Repeat
from agent.rules.notices.pace import FIRST, MOST, PATIENT, next_reminder, pause


@given(st.integers(0, 10_000), st.floats(0, 1), st.none() | st.floats(0, 1e9))
def test_pause_is_bounded_and_gives_what_is_asked(streak: int, share: float, asked: float | None) -> None:
    found = pause(streak, share, asked)
    assert FIRST / 2 <= found <= max(MOST, PATIENT)
    assert found >= min(asked or 0.0, PATIENT)


def test_pause_doubles_up_to_its_most() -> None:
    assert [pause(streak, 1.0, None) for streak in (1, 2, 3, 4, 20)] == [2.0, 4.0, 8.0, 16.0, MOST]


def test_reminders_come_after_one_two_four_hours_and_then_at_the_most() -> None:
    repeat = Repeat(3600.0, 5 * 3600.0)
    assert [next_reminder(repeat, number) / 3600 for number in (0, 1, 2, 3, 99)] == [1, 2, 4, 5, 5]
