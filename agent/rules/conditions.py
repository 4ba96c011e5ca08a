"""What a condition concludes from a reading: pending, firing, cleared.

The rules:

- A bound is violated strictly: the bound itself and the ends of an `outside` range are still good.
- A condition fires when `samples` readings in a row violated the bound and the first of them is `for_` seconds old.
  One reading in between that does not violate starts both counts anew, as Prometheus does.
- A firing condition goes on firing while the clear bound (or the bound itself) is violated, and clears at the first
  reading that violates neither.
- A reading that is missing or could not be taken proves nothing: it ends a pending violation and leaves a firing
  condition firing. With `no_data: fail` either counts as a violation; with `no_data: pass` a missing reading counts
  as a good one, but one that could not be taken never does. NaN and the infinities could not be taken.
- After a gap without evaluations longer than `gap_limit` a pending violation starts anew; a firing one persists.
- An instant that lies in the future (the clock was set back) counts as the present one.
"""

from __future__ import annotations

import math
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from agent.model.policies import Bound, NoData, Threshold
from agent.model.signals import ConditionState, Verdict

SHORTEST_GAP_LIMIT = 300.0


class Gap(StrEnum):
    """Why there is no number: nothing is there to measure, or measuring it failed."""

    NO_DATA = "no_data"
    ERROR = "error"


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
    return False


def gap_limit(interval: float) -> float:
    """Given the seconds between evaluations, return the longest pause that does not interrupt a violation."""
    return max(SHORTEST_GAP_LIMIT, 3 * interval)


def evaluate(
    threshold: Threshold, state: ConditionState, reading: Reading, now: float, interval: float = 0.0
) -> Evaluation:
    """Given a threshold, the state of one of its series and a reading taken at `now` (seconds since the epoch).

    `interval` is the usual number of seconds between two evaluations. Returns the state to remember, and the event.
    """
    value = None if isinstance(reading, Gap) or not math.isfinite(reading) else float(reading)
    verdict = _verdict(threshold, state, reading, value)
    violated = verdict is Verdict.FAIL or (verdict is Verdict.ERROR and threshold.no_data is NoData.FAIL)
    since, violations = _violation(state, violated, now, interval)
    fired_at = None if state.fired_at is None else min(state.fired_at, now)
    event = Event.NONE
    if fired_at is None and since is not None and violations >= threshold.samples and now - since >= threshold.for_:
        fired_at, event = now, Event.FIRED
    elif fired_at is not None and verdict is Verdict.PASS:
        fired_at, event = None, Event.CLEARED
    measured_at = state.measured_at if value is None else now
    return Evaluation(ConditionState(verdict, since, violations, fired_at, value, now, measured_at), event)


def steady(threshold: Threshold, state: ConditionState, value: float, now: float) -> ConditionState | None:
    """Given a state in which all is well and a number taken at `now`, return the state if all still is, as `evaluate`.

    Returns None where there is more to decide. Nearly every reading of a well host ends here.
    """
    if state.verdict is not Verdict.PASS or state.since is not None or state.fired_at is not None:
        return None
    if not math.isfinite(value) or violates(threshold.bound, value):
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
    )


def _verdict(threshold: Threshold, state: ConditionState, reading: Reading, value: float | None) -> Verdict:
    if value is None:
        return _NO_DATA[threshold.no_data] if reading is Gap.NO_DATA else Verdict.ERROR
    firing = state.fired_at is not None
    if violates(threshold.bound, value) or (firing and violates(threshold.clear, value)):
        return Verdict.FAIL
    return Verdict.PASS


def _violation(state: ConditionState, violated: bool, now: float, interval: float) -> tuple[float | None, int]:
    if not violated:
        return None, 0
    if state.since is None:
        return now, 1
    paused = state.evaluated_at is not None and now - state.evaluated_at > gap_limit(interval)
    if state.fired_at is None and (paused or state.since > now):
        return now, 1
    return min(state.since, now), state.violations + 1


_NO_DATA = {NoData.INCONCLUSIVE: Verdict.INCONCLUSIVE, NoData.FAIL: Verdict.FAIL, NoData.PASS: Verdict.PASS}
