"""Forecasts replayed over whole histories: no alarm for what comes and goes, one in time for what fills up."""

from __future__ import annotations

import math
import random
from array import array
from collections.abc import Iterable, Iterator
from itertools import accumulate

import pytest

from agent.model.signals import Points
from agent.rules.forecast import LEVEL, Forecast, State, Subject, forecast
from tests.rules.histories import BOUNDED, DAY, FILLING, T0, History, Shape, flat, history, leak, spike, step, together

WITHIN = 7.0
SEED = 4
LEFT = (24.0, 14.2, 9.1, 6.8, 5.5, 4.1, 1.6)
"""Days before the truth on which it is asked for."""

NOTHING = Points(array("d"), array("I"), array("d"), array("d"), array("d"), array("d"))


def looked(made: History, day: float, *, horizon: float = 365 * DAY, least: float = 7 * DAY) -> Forecast:
    boots = tuple(boot for boot in made.boots if boot <= T0 + day * DAY)
    told = Subject(limit=100.0, empty=0.0, boots=boots, horizon=horizon, least=least)
    return forecast(made.until(day), told, T0 + day * DAY)


def replayed(made: History, days: Iterable[float]) -> Iterator[tuple[float, Forecast]]:
    for day in days:
        yield day, looked(made, day)


def alarms(found: Forecast) -> bool:
    return found.state is State.GROWING and found.days is not None and found.days <= WITHIN


@pytest.mark.parametrize("name", BOUNDED)
def test_what_never_fills_up_makes_no_alarm(name: str) -> None:
    shape, noise, boots = BOUNDED[name]
    made = history(shape, 50, SEED, noise, boots)
    assert [day for day, found in replayed(made, [8.1 + 4.7 * place for place in range(9)]) if alarms(found)] == []


def test_what_fills_up_makes_an_alarm_in_time_and_the_truth_is_in_its_interval_as_often_as_stated() -> None:
    within = told = 0
    # Every other one has each shape and each noise; `make bench` asks for all of them and for more seeds.
    for name, (shape, noise) in list(FILLING.items())[::2]:
        made = history(shape, 80, SEED, noise)
        assert math.isfinite(made.full), name
        alarmed = []
        for day, found in replayed(made, [made.full - left for left in LEFT]):
            left = made.full - day
            if alarms(found):
                alarmed.append(left)
            if found.state is State.GROWING:
                told += 1
                latest = math.inf if found.latest is None else found.latest
                within += found.soonest is not None and found.soonest <= left <= latest
        assert alarmed, name
        assert 3.5 <= alarmed[0] <= 2 * WITHIN, name
    assert within / told >= LEVEL


def by_another_amount_each_day(seed: int) -> Shape:
    draw = random.Random(seed)
    heights = list(accumulate((draw.uniform(0, 2) for _ in range(90)), initial=30.0))

    def height(day: float, _: random.Random) -> float:
        whole = math.floor(day)
        return heights[whole] + (heights[whole + 1] - heights[whole]) * (day - whole)

    return height


def test_interval_of_what_grows_by_another_amount_each_day_grows_with_how_far_it_can_stray() -> None:
    """Without that, the truth is in fewer than half of the intervals."""
    within = told = 0
    for seed in range(6):
        made = history(by_another_amount_each_day(seed), 75, seed, 0.1)
        for _, found in replayed(made, [made.full - left for left in (21.0, 15.0, 10.0, 6.0)]):
            if found.state is State.GROWING:
                told += 1
                left = made.full - (found.now - T0) / DAY
                within += (found.soonest or 0.0) <= left <= (found.latest or math.inf)
    assert told >= 20
    assert within / told >= 0.65


def test_full_is_said_at_once_whatever_is_known() -> None:
    made = history(flat(100), 1, SEED, 0.1)
    for day in (0.3, 1.0):
        found = looked(made, day)
        assert (found.state, found.days, found.soonest, found.latest) == (State.FULL, 0, 0, 0)
    filled = history(together(flat(60), step(40, 20)), 40, SEED, 0.0)
    assert looked(filled, 20.2).state is State.FULL
    assert looked(filled, 39).state is State.FULL


@pytest.mark.parametrize("day", [0.5, 3.0, 6.8])
def test_too_little_history_says_nothing(day: float) -> None:
    found = looked(history(together(flat(40), leak(3)), 10, SEED, 0.5), day)
    assert (found.state, found.days) == (State.LEARNING, None)
    assert f"{day:.1f} of 7 days are known" in found.why


def test_least_history_asked_for_is_enough() -> None:
    assert looked(history(together(flat(40), leak(3)), 10, SEED, 0.5), 9, least=8 * DAY).state is State.GROWING
    assert looked(history(together(flat(40), leak(3)), 10, SEED, 0.5), 9, least=10 * DAY).state is State.LEARNING


def test_jump_is_said_nothing_about_for_a_day() -> None:
    made = history(together(flat(20), leak(1.5), step(20, 20.3)), 30, SEED, 0.3)
    assert looked(made, 20.2).state is State.GROWING
    quiet = looked(made, 21.2)
    assert quiet.state is State.LEARNING
    assert "it jumped by" in quiet.why
    again = looked(made, 23)
    assert again.state is State.GROWING
    assert again.per_day == pytest.approx(1.5, abs=0.2)


def test_boot_is_said_nothing_about_for_a_day() -> None:
    made = history(together(flat(20), leak(1.5)), 30, SEED, 0.3, (20.0,))
    assert "it was booted" in looked(made, 20.7).why
    assert looked(made, 22).state is State.GROWING


def test_samples_that_end_say_nothing() -> None:
    made = history(together(flat(40), leak(3)), 10, SEED, 0.5)
    told = forecast(made.points, Subject(limit=100.0), T0 + 11 * DAY)
    assert (told.state, told.why) == (State.LEARNING, "there are no samples of late")
    assert forecast(NOTHING, Subject(limit=100.0), T0).state is State.LEARNING


def test_what_falls_to_its_limit_is_the_mirror_of_what_rises() -> None:
    rising = history(together(flat(40), leak(2)), 20, SEED, 0.5)
    whole = rising.points
    turned = Points(
        whole.times,
        whole.steps,
        array("d", [100 - value for value in whole.high]),
        array("d", [100 - value for value in whole.mean]),
        array("d", [100 - value for value in whole.low]),
        whole.counts,
    )
    now = T0 + 20 * DAY
    up = forecast(whole, Subject(limit=100.0, empty=0.0), now)
    down = forecast(turned, Subject(limit=0.0, empty=100.0, falling=True), now)
    assert up.state is down.state is State.GROWING
    assert up.days == pytest.approx(down.days, abs=0.05)
    assert down.per_day == pytest.approx(-up.per_day, abs=0.01)
    assert down.current == pytest.approx(100 - (up.current or 0.0))


def test_forecast_is_the_same_each_time_and_looks_no_farther_than_its_horizon() -> None:
    made = history(together(flat(40), leak(0.5), spike(30, 12, 5)), 30, SEED, 0.5)
    assert looked(made, 29) == looked(made, 29)
    far = looked(made, 29, horizon=20 * DAY)
    assert (far.state, far.days, far.reach) == (State.STEADY, None, 20)
    assert far.per_day == pytest.approx(0.5, abs=0.1)
    (tomorrow, in_a_week) = far.ahead
    assert tomorrow.low <= tomorrow.likely <= tomorrow.high
    assert in_a_week.likely - tomorrow.likely == pytest.approx(6 * far.per_day, abs=0.01)
