"""The soak asks for the due times that the calendar owes, and excuses those that it does not."""

from __future__ import annotations

from tests.system.soak.dues import Dues

NOON = 1_800_000_000.0


def dues() -> Dues:
    found = Dues({"often": 5, "seldom": 30}, 0.0)
    found.begin(NOON)
    return found


def test_due_times_that_the_clock_passed_are_asked_for_once() -> None:
    asked = dues()
    assert asked.expected(NOON + 31) == {
        "often": [NOON + 5, NOON + 10, NOON + 15, NOON + 20, NOON + 25, NOON + 30],
        "seldom": [NOON + 30],
    }
    assert asked.expected(NOON + 35) == {"often": [NOON + 35]}
    assert asked.expected(NOON + 36) == {}
    assert asked.asked == 8


def test_due_times_that_came_too_late_are_excused() -> None:
    asked = dues()
    found = asked.expected(NOON + 100)
    assert found["often"][0] == NOON + 45
    assert asked.excused == 8 + 1


def test_clock_set_ahead_owes_the_last_minute_alone() -> None:
    asked = dues()
    asked.clock_set(NOON + 3, NOON + 86390)
    assert asked.expected(NOON + 86400)["seldom"] == [NOON + 86400 - 30, NOON + 86400]


def test_clock_set_back_owes_what_comes_after() -> None:
    asked = dues()
    asked.clock_set(NOON + 3, NOON - 3601)
    assert asked.expected(NOON - 3600) == {}
    assert asked.expected(NOON - 3594) == {"often": [NOON - 3595]}


def test_clock_that_was_ahead_for_a_while_owes_nothing_of_the_while() -> None:
    asked = dues()
    asked.clock_set(NOON + 3, NOON + 86390)
    asked.clock_set(NOON + 86400, NOON + 11)
    assert asked.expected(NOON + 12) == {}
    assert asked.expected(NOON + 16) == {"often": [NOON + 15]}


def test_clock_set_back_past_a_due_time_a_moment_ago_owes_what_comes_after() -> None:
    asked = dues()
    asked.clock_set(NOON + 3, NOON - 3594.3)
    assert asked.expected(NOON - 3595.1) == {}, "a second before now, the clock did not go this way"
    assert asked.expected(NOON - 3590.5) == {}
    assert asked.expected(NOON - 3589.5) == {"often": [NOON - 3590]}
