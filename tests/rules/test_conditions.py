"""What a condition concludes from a series of readings."""

from __future__ import annotations

import math
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from agent.model.conditions import Bound, Condition, NoData
from agent.model.signals import ConditionState, Verdict
from agent.rules.condition_json import dump_state, load_state
from agent.rules.conditions import (
    SHORTEST_GAP_LIMIT,
    Event,
    Gap,
    Reading,
    Standing,
    evaluate,
    gap_limit,
    shift,
    standing,
    violates,
)

CONDITION = Condition(signal="disk.used_percent", bound=Bound(above=90.0), clear=Bound(above=90.0))
GOOD, BAD = 50.0, 95.0
FRESH = ConditionState()


def history(
    condition: Condition, readings: Iterable[tuple[float, Reading]], interval: float = 10.0
) -> list[tuple[Event, ConditionState]]:
    """Evaluate readings at their instants, one after the other."""
    state, steps = FRESH, []
    for now, reading in readings:
        evaluation = evaluate(condition, state, reading, now, interval)
        state = evaluation.state
        steps.append((evaluation.event, state))
    return steps


def events(condition: Condition, readings: Iterable[tuple[float, Reading]], interval: float = 10.0) -> list[Event]:
    return [event for event, _ in history(condition, readings, interval)]


@pytest.mark.parametrize(
    ("bound", "good", "bad"),
    [
        (Bound(above=90.0), (90.0, 89.9, -1e308), (math.nextafter(90.0, 91.0), 1e308)),
        (Bound(below=5.0), (5.0, 5.1, 1e308), (math.nextafter(5.0, 4.0), -1e308)),
        (Bound(outside=(10.0, 20.0)), (10.0, 15.0, 20.0), (math.nextafter(10.0, 9.0), math.nextafter(20.0, 21.0))),
    ],
)
def test_bound_is_violated_strictly(bound: Bound, good: tuple[float, ...], bad: tuple[float, ...]) -> None:
    assert [violates(bound, value) for value in good] == [False] * len(good)
    assert [violates(bound, value) for value in bad] == [True] * len(bad)


def test_violation_without_duration_fires_at_once_and_once() -> None:
    assert events(CONDITION, [(0, GOOD), (10, BAD), (20, BAD), (30, GOOD), (40, GOOD)]) == [
        *(Event.NONE, Event.FIRED, Event.NONE, Event.CLEARED, Event.NONE)
    ]


def test_for_fires_when_the_violation_is_that_old() -> None:
    lasting = replace(CONDITION, for_=20.0)
    steps = history(lasting, [(0, BAD), (10, BAD), (19.9, BAD), (20, BAD)])
    assert [event for event, _ in steps] == [Event.NONE, Event.NONE, Event.NONE, Event.FIRED]
    assert [standing(state) for _, state in steps] == [*[Standing.PENDING] * 3, Standing.FIRING]


def test_one_good_reading_starts_for_anew() -> None:
    lasting = replace(CONDITION, for_=20.0)
    readings = [(0, BAD), (10, BAD), (15, GOOD), (20, BAD), (30, BAD), (40, BAD)]
    assert events(lasting, readings) == [*[Event.NONE] * 5, Event.FIRED]


def test_samples_must_violate_in_a_row() -> None:
    three = replace(CONDITION, samples=3)
    readings = [(0, BAD), (10, BAD), (20, GOOD), (30, BAD), (40, BAD), (50, BAD)]
    assert events(three, readings) == [*[Event.NONE] * 5, Event.FIRED]


def test_samples_and_for_are_both_required() -> None:
    both = replace(CONDITION, samples=2, for_=30.0)
    assert events(both, [(0, BAD), (10, BAD), (20, BAD), (30, BAD)])[-1] is Event.FIRED
    assert events(replace(both, samples=5), [(0, BAD), (10, BAD), (20, BAD), (30, BAD)])[-1] is Event.NONE


def test_clear_bound_keeps_a_firing_condition_firing() -> None:
    hysteresis = replace(CONDITION, clear=Bound(above=85.0))
    readings = [(0, 88.0), (10, BAD), (20, 88.0), (30, 85.0), (40, 88.0)]
    steps = history(hysteresis, readings)
    assert [event for event, _ in steps] == [Event.NONE, Event.FIRED, Event.NONE, Event.CLEARED, Event.NONE]
    assert [state.verdict for _, state in steps] == [
        *(Verdict.PASS, Verdict.FAIL, Verdict.FAIL, Verdict.PASS, Verdict.PASS)
    ]


@pytest.mark.parametrize("reading", [math.nan, math.inf, -math.inf, Gap.ERROR])
@pytest.mark.parametrize("no_data", list(NoData))
def test_unmeasurable_reading_is_an_error_and_never_clears(reading: Reading, no_data: NoData) -> None:
    condition = replace(CONDITION, no_data=no_data)
    steps = history(condition, [(0, BAD), (10, reading), (20, reading)])
    assert [event for event, _ in steps] == [Event.FIRED, Event.NONE, Event.NONE]
    assert [state.verdict for _, state in steps] == [Verdict.FAIL, Verdict.ERROR, Verdict.ERROR]
    assert steps[-1][1].value is None
    assert standing(steps[-1][1]) is Standing.FIRING


@pytest.mark.parametrize(
    ("no_data", "reading", "verdict", "event", "stands"),
    [
        (NoData.INCONCLUSIVE, Gap.NO_DATA, Verdict.INCONCLUSIVE, Event.NONE, Standing.UNKNOWN),
        (NoData.INCONCLUSIVE, Gap.ERROR, Verdict.ERROR, Event.NONE, Standing.UNKNOWN),
        (NoData.PASS, Gap.NO_DATA, Verdict.PASS, Event.NONE, Standing.OK),
        (NoData.PASS, Gap.ERROR, Verdict.ERROR, Event.NONE, Standing.UNKNOWN),
        (NoData.FAIL, Gap.NO_DATA, Verdict.FAIL, Event.FIRED, Standing.FIRING),
        (NoData.FAIL, Gap.ERROR, Verdict.ERROR, Event.FIRED, Standing.FIRING),
        (NoData.FAIL, math.nan, Verdict.ERROR, Event.FIRED, Standing.FIRING),
    ],
)
def test_missing_reading_gives_the_verdict_the_policy_asks_for(
    no_data: NoData, reading: Reading, verdict: Verdict, event: Event, stands: Standing
) -> None:
    evaluation = evaluate(replace(CONDITION, no_data=no_data), FRESH, reading, 0.0)
    assert (evaluation.state.verdict, evaluation.event, standing(evaluation.state)) == (verdict, event, stands)


def test_missing_reading_clears_only_where_it_counts_as_good() -> None:
    cleared = {
        no_data: events(replace(CONDITION, no_data=no_data), [(0, BAD), (10, Gap.NO_DATA)])[-1] for no_data in NoData
    }
    assert cleared == {NoData.INCONCLUSIVE: Event.NONE, NoData.FAIL: Event.NONE, NoData.PASS: Event.CLEARED}


@pytest.mark.parametrize("reading", [Gap.NO_DATA, Gap.ERROR, math.nan])
def test_missing_reading_ends_a_pending_violation(reading: Reading) -> None:
    lasting = replace(CONDITION, for_=20.0)
    assert events(lasting, [(0, BAD), (10, reading), (20, BAD), (30, BAD), (40, BAD)]) == [
        *[Event.NONE] * 4,
        Event.FIRED,
    ]


def test_long_gap_starts_a_pending_violation_anew() -> None:
    lasting = replace(CONDITION, for_=60.0)
    after = SHORTEST_GAP_LIMIT + 1
    assert events(lasting, [(0, BAD), (after, BAD), (after + 60, BAD)]) == [Event.NONE, Event.NONE, Event.FIRED]


def test_short_gap_goes_on_with_a_pending_violation() -> None:
    lasting = replace(CONDITION, for_=60.0)
    assert events(lasting, [(0, BAD), (SHORTEST_GAP_LIMIT, BAD)]) == [Event.NONE, Event.FIRED]


def test_gap_limit_grows_with_the_interval() -> None:
    assert gap_limit(10) == SHORTEST_GAP_LIMIT
    assert gap_limit(600) == 1800
    rarely = replace(CONDITION, for_=1800.0)
    assert events(rarely, [(0, BAD), (600, BAD), (1200, BAD), (1800, BAD)], interval=600)[-1] is Event.FIRED


def test_firing_persists_over_a_long_gap_and_clears_after_it() -> None:
    assert events(CONDITION, [(0, BAD), (1e6, BAD), (1e6 + 10, GOOD)]) == [Event.FIRED, Event.NONE, Event.CLEARED]


def test_clock_set_back_restarts_a_pending_violation() -> None:
    lasting = replace(CONDITION, for_=20.0)
    steps = history(lasting, [(1000, BAD), (500, BAD), (510, BAD), (520, BAD)])
    assert [event for event, _ in steps] == [Event.NONE, Event.NONE, Event.NONE, Event.FIRED]
    assert steps[1][1].since == 500


def test_clock_set_back_keeps_firing_and_dates_it_no_later_than_the_present() -> None:
    steps = history(CONDITION, [(1000, BAD), (500, BAD), (510, GOOD)])
    assert [event for event, _ in steps] == [Event.FIRED, Event.NONE, Event.CLEARED]
    assert steps[1][1].fired_at == 500


@pytest.mark.parametrize("seconds", [-1e6, 240.0, 1e6])
def test_shifted_state_fires_as_if_the_clock_had_not_been_set(seconds: float) -> None:
    lasting = replace(CONDITION, for_=30.0)
    state = history(lasting, [(0, BAD), (10, BAD)])[-1][1]
    state = evaluate(lasting, shift(state, seconds), BAD, seconds + 20).state
    assert standing(state) is Standing.PENDING
    assert evaluate(lasting, state, BAD, seconds + 30).event is Event.FIRED


def test_state_tells_when_a_number_was_last_measured() -> None:
    steps = history(CONDITION, [(0, GOOD), (10, Gap.ERROR), (20, Gap.NO_DATA)])
    assert [(state.measured_at, state.evaluated_at) for _, state in steps] == [(0, 0), (0, 10), (0, 20)]


numbers = st.sampled_from([50.0, 84.0, 86.0, 89.0, 91.0, 95.0, math.nan, math.inf])
gaps = st.sampled_from([Gap.NO_DATA, Gap.ERROR])
conditions = st.builds(
    lambda for_, samples, spare, keep_for, no_data, clear: replace(
        CONDITION,
        for_=for_,
        samples=samples,
        of=None if spare is None else samples + spare,
        keep_for=keep_for,
        no_data=no_data,
        clear=Bound(above=clear),
    ),
    st.sampled_from([0.0, 5.0, 20.0, 60.0]),
    st.integers(1, 4),
    st.none() | st.integers(0, 4),
    st.sampled_from([0.0, 15.0, 60.0]),
    st.sampled_from(list(NoData)),
    st.sampled_from([85.0, 90.0]),
)
readings_in_time = st.lists(st.tuples(st.integers(1, 30), numbers | gaps), max_size=40).map(
    lambda steps: [(sum(step for step, _ in steps[: i + 1]), reading) for i, (_, reading) in enumerate(steps)]
)


def expected_events(condition: Condition, readings: list[tuple[float, Reading]]) -> list[Event]:
    """Judge each instant by looking back over the whole history instead of remembering a state."""
    fails = condition.no_data is NoData.FAIL
    flags: list[float | None] = []
    found: list[Event] = []
    began: list[float | None] = []
    good_from: float | None = None
    firing = False
    for now, reading in readings:
        unknown = isinstance(reading, Gap) or not math.isfinite(reading)
        assert condition.clear.above is not None
        limit = condition.clear.above if firing else 90.0
        violated = fails if unknown else float(reading) > limit
        good = reading is Gap.NO_DATA and condition.no_data is NoData.PASS if unknown else not violated
        flags.append(now if violated else None)
        began.append(_began(condition, flags, began))
        since = began[-1]
        event = Event.NONE
        if not firing:
            if violated and since is not None and now - since >= condition.for_:
                firing, good_from, event = True, None, Event.FIRED
        elif violated:
            good_from = None
        elif good and since is None:
            good_from = now if good_from is None else good_from
            if now - good_from >= condition.keep_for:
                firing, event = False, Event.CLEARED
        found.append(event)
    return found


def _began(condition: Condition, flags: list[float | None], began: list[float | None]) -> float | None:
    """Return since when there are enough violations, None where there are not."""
    if condition.of is None:
        row = [*flags[::-1], None].index(None)
        return flags[-row] if row >= condition.samples else None
    instants = [one for one in flags[-condition.of :] if one is not None]
    if len(instants) < condition.samples:
        return None
    return instants[0] if not began or began[-1] is None else began[-1]


@given(conditions, readings_in_time)
def test_events_are_those_that_the_whole_history_justifies(
    condition: Condition, readings: list[tuple[float, Reading]]
) -> None:
    assert events(condition, readings) == expected_events(condition, readings)


@given(conditions, readings_in_time, st.data())
def test_restart_at_any_instant_changes_no_event(
    condition: Condition, readings: list[tuple[float, Reading]], data: st.DataObject
) -> None:
    state, found = FRESH, []
    for now, reading in readings:
        if data.draw(st.booleans()):
            state = load_state(dump_state(state))
        evaluation = evaluate(condition, state, reading, now, 10.0)
        state = evaluation.state
        found.append(evaluation.event)
    assert found == events(condition, readings)


@given(conditions, st.lists(st.tuples(st.floats(-1e9, 1e9), numbers | gaps), max_size=30))
def test_stepping_clock_breaks_nothing(condition: Condition, readings: list[tuple[float, Reading]]) -> None:
    steps = history(condition, readings)
    changes = [event for event, _ in steps if event is not Event.NONE]
    assert changes[::2] == [Event.FIRED] * len(changes[::2])
    assert changes[1::2] == [Event.CLEARED] * len(changes[1::2])
    for (now, _), (_, state) in zip(readings, steps, strict=True):
        assert state.since is None or state.since <= now
        assert state.fired_at is None or state.fired_at <= now
