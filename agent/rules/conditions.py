"""What a condition concludes from a reading: pending, firing, cleared.

The rules:

- A bound is violated strictly: the bound itself and the ends of an `outside` range are still good.
- A condition fires when `samples` readings in a row violated the bound and the first of them is `for_` seconds old.
  One reading in between that does not violate starts both counts anew, as Prometheus does.
- With `of`, it is as many among the last `of` readings, in any order, and `for_` counts from the first of those that
  violated when there were enough of them. Any other reading takes its place among them. As long as there are enough
  it goes on firing, but only a reading that violates makes it fire.
- A firing condition goes on firing while the clear bound (or the bound itself) is violated, and clears at the first
  reading that violates neither, or with `keep_for` at the first one so many seconds after that: a violation in between
  starts this count anew, and so one that comes and goes does not flap.
- A reading that is missing or could not be taken proves nothing: it ends a pending violation and leaves a firing
  condition firing. With `no_data: fail` either counts as a violation; with `no_data: pass` a missing reading counts
  as a good one, but one that could not be taken never does. NaN and the infinities could not be taken.
- A rate of change that cannot be told yet is neither missing nor good: it proves nothing, whatever `no_data` says.
  A value of the past that is missing is a missing reading.
- After a gap without evaluations longer than `gap_limit` a pending violation starts anew; a firing one persists.
- Where it is known by how much the clock was set, what lasts goes on as before: `shift`. Where it is not, an instant
  that lies in the future (the clock was set back) counts as the present one.
"""

from __future__ import annotations

import math
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from agent.model.conditions import Bound, Condition, NoData
from agent.model.signals import ConditionState, Verdict
from agent.rules.derived import Points, compared, follow

SHORTEST_GAP_LIMIT = 300.0


class Gap(StrEnum):
    """Why there is no number: nothing is there to measure, measuring it failed, or it takes a longer past."""

    NO_DATA = "no_data"
    ERROR = "error"
    NOT_YET = "not_yet"


Reading = float | Gap


class Event(StrEnum):
    """What an evaluation changed."""

    NONE = "none"
    FIRED = "fired"
    CLEARED = "cleared"


class Standing(StrEnum):
    """Where a condition stands, in the words of Prometheus, and `unknown` for what cannot be told."""

    OK = "ok"
    PENDING = "pending"
    FIRING = "firing"
    UNKNOWN = "unknown"


class Evaluation(Struct, frozen=True):
    """The state after a reading, and what changed by it; `forgotten` says that the state need not be kept."""

    state: ConditionState
    event: Event
    forgotten: bool = False


def violates(bound: Bound, value: float) -> bool:
    """Given a bound and a finite number, tell whether the number violates it."""
    if bound.above is not None:
        return value > bound.above
    if bound.below is not None:
        return value < bound.below
    if bound.outside is not None:
        low, high = bound.outside
        return value < low or value > high
    if bound.equals is not None:
        return value == bound.equals
    return bound.not_equals is not None and value != bound.not_equals


def gap_limit(interval: float) -> float:
    """Given the seconds between evaluations, return the longest pause that does not interrupt a violation."""
    return max(SHORTEST_GAP_LIMIT, 3 * interval)


class _Violation(Struct, frozen=True):
    """The violation after a reading: since when, by how many readings, and whether these are as many as it takes."""

    since: float | None
    count: int
    enough: bool
    recent: tuple[float | None, ...] = ()


def evaluate(
    condition: Condition,
    state: ConditionState,
    reading: Reading,
    now: float,
    interval: float = 0.0,
    then: float | None = None,
) -> Evaluation:
    """Given a condition, the state of one of its series and a reading taken at `now` (seconds since the epoch).

    `interval` is the usual number of seconds between two evaluations, and `then` what a reading that is compared is
    compared with, None where there is nothing. Returns the state to remember, and the event.
    """
    measured = None if isinstance(reading, Gap) or not math.isfinite(reading) else float(reading)
    reading, points = _derived(condition, state, reading, measured, now, interval, then)
    value = None if isinstance(reading, Gap) or not math.isfinite(reading) else float(reading)
    verdict = _verdict(condition, state, reading, value)
    violated = verdict is Verdict.FAIL or (verdict is Verdict.ERROR and condition.no_data is NoData.FAIL)
    row = _in_a_row if condition.of is None else _of_the_last
    violation = row(condition, state, now, interval, violated=violated)
    good = verdict is Verdict.PASS and not violation.enough
    fired_at, good_since, event = _moved(condition, state, violation, now, violated=violated, good=good)
    after = ConditionState(
        verdict=verdict,
        since=violation.since,
        violations=violation.count,
        fired_at=fired_at,
        value=value,
        evaluated_at=now,
        measured_at=state.measured_at if measured is None else now,
        good_since=good_since,
        missing_since=(now if state.missing_since is None else state.missing_since) if measured is None else None,
        recent=violation.recent,
        points=points,
        muted="" if fired_at is None else state.muted,
        muted_by="" if fired_at is None else state.muted_by,
    )
    return Evaluation(after, event)


def steady(condition: Condition, state: ConditionState, value: float, now: float) -> ConditionState | None:
    """Given a state in which all is well and a number taken at `now`, return the state if all still is, as `evaluate`.

    Returns None where there is more to decide. Nearly every reading of a well host ends here. It is for conditions
    whose bounds are on the value itself.
    """
    if state.verdict is not Verdict.PASS or state.since is not None or state.fired_at is not None:
        return None
    if not math.isfinite(value) or violates(condition.bound, value) or state.missing_since is not None:
        return None
    return ConditionState(Verdict.PASS, None, 0, None, value, now, now)


def standing(state: ConditionState) -> Standing:
    """Given a state, return where its condition stands."""
    if state.fired_at is not None:
        return Standing.FIRING
    if state.since is not None:
        return Standing.PENDING
    return Standing.OK if state.verdict is Verdict.PASS else Standing.UNKNOWN


def shift(state: ConditionState, seconds: float) -> ConditionState:
    """Given by how much the wall clock was set forward (negative: back), move the instants along with it.

    Durations then stay what they were, as if the clock had always been right.
    """

    def moved(instant: float | None) -> float | None:
        return None if instant is None else instant + seconds

    return replace(
        state,
        since=moved(state.since),
        fired_at=moved(state.fired_at),
        evaluated_at=moved(state.evaluated_at),
        measured_at=moved(state.measured_at),
        good_since=moved(state.good_since),
        missing_since=moved(state.missing_since),
        recent=tuple(moved(instant) for instant in state.recent),
        points=tuple((at + seconds, value) for at, value in state.points),
    )


def _derived(
    condition: Condition,
    state: ConditionState,
    reading: Reading,
    measured: float | None,
    now: float,
    interval: float,
    then: float | None,
) -> tuple[Reading, Points]:
    """Return what to hold against the bounds, and the points to keep."""
    if measured is None:
        return reading, state.points
    if condition.change is not None:
        rate, points = follow(condition.change, state.points, measured, now, interval)
        return Gap.NOT_YET if rate is None else rate, points
    if condition.compare is not None:
        found = compared(condition.compare, measured, then)
        return Gap.NO_DATA if found is None else found, ()
    return measured, ()


def _verdict(condition: Condition, state: ConditionState, reading: Reading, value: float | None) -> Verdict:
    if value is None:
        if reading is Gap.NOT_YET:
            return Verdict.INCONCLUSIVE
        return _NO_DATA[condition.no_data] if reading is Gap.NO_DATA else Verdict.ERROR
    firing = state.fired_at is not None
    if violates(condition.bound, value) or (firing and violates(condition.clear, value)):
        return Verdict.FAIL
    return Verdict.PASS


def _moved(
    condition: Condition, state: ConditionState, violation: _Violation, now: float, *, violated: bool, good: bool
) -> tuple[float | None, float | None, Event]:
    """Return since when a condition fires, since when nothing violates it although it fires, and what has changed."""
    if state.fired_at is None:
        fires = violated and violation.enough and now - (violation.since or 0.0) >= condition.for_
        return now if fires else None, None, Event.FIRED if fires else Event.NONE
    fired_at = min(state.fired_at, now)
    if violated:
        return fired_at, None, Event.NONE
    good_since = None if state.good_since is None else min(state.good_since, now)
    if good:
        good_since = now if good_since is None else good_since
        if now - good_since >= condition.keep_for:
            return None, None, Event.CLEARED
    return fired_at, good_since, Event.NONE


def _in_a_row(
    condition: Condition, state: ConditionState, now: float, interval: float, *, violated: bool
) -> _Violation:
    if not violated:
        return _Violation(None, 0, enough=False)
    if state.since is None or (state.fired_at is None and _interrupted(state, now, interval)):
        return _Violation(now, 1, enough=condition.samples <= 1)
    count = state.violations + 1
    return _Violation(min(state.since, now), count, enough=count >= condition.samples)


def _of_the_last(
    condition: Condition, state: ConditionState, now: float, interval: float, *, violated: bool
) -> _Violation:
    before = state.recent
    if state.fired_at is None and _interrupted(state, now, interval):
        before = ()
    recent = [*before, now if violated else None][-(condition.of or 1) :]
    while recent and recent[0] is None:
        del recent[0]
    instants = [min(instant, now) for instant in recent if instant is not None]
    enough = len(instants) >= condition.samples
    since = instants[0] if instants else None
    if enough and state.since is not None and sum(one is not None for one in before) >= condition.samples:
        since = min(state.since, now)
    return _Violation(since, len(instants), enough, tuple(recent))


def _interrupted(state: ConditionState, now: float, interval: float) -> bool:
    """Tell whether a pending violation starts anew: after a long pause, or where it began in the future."""
    if state.evaluated_at is not None and now - state.evaluated_at > gap_limit(interval):
        return True
    return state.since is not None and state.since > now


_NO_DATA = {NoData.INCONCLUSIVE: Verdict.INCONCLUSIVE, NoData.FAIL: Verdict.FAIL, NoData.PASS: Verdict.PASS}
