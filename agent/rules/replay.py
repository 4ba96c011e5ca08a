"""When a threshold would have fired over numbers of the past, for how long, and how often it would have acted.

The numbers are judged one after the other by the evaluator that judges live ones. Of a number that stands for minutes
or an hour, the mean is judged, so what was shorter than that is not seen. A stretch without numbers is one in which
nobody judged: what was pending starts anew after it, what fired goes on firing. Whether a remedy would have helped
nobody knows, so each firing is counted as far as its breaker allows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct

from agent.model.conditions import Bound, Condition
from agent.model.policies import Threshold
from agent.model.signals import ConditionState, Points
from agent.rules.breaker import admit
from agent.rules.conditions import Event, Standing, evaluate, standing

Then = Callable[[float], float | None]
"""Given an instant, what the value of that instant is compared with, None where there is nothing."""


class Episode(Struct, frozen=True):
    """One firing: from when until when (seconds since the epoch; None where it still fired at the end), and how badly.

    `worst` is the number furthest beyond the bound; of a condition on a change or a comparison, that of the change.
    """

    fired: float
    cleared: float | None
    worst: float


class Outcome(Struct, frozen=True):
    """What became of one series: its firings, how it stood at the end, and the remedies it would have run.

    `points` numbers were judged, `coarse` of them stood for more than one sample. `held` remedies were stopped by
    their breaker.
    """

    episodes: tuple[Episode, ...]
    standing: Standing
    points: int
    coarse: int
    acts: int
    held: int


def replay(threshold: Threshold, points: Points, interval: float, then: Then | None = None) -> Outcome:
    """Given a threshold and the numbers of one series, say what would have become of it.

    `interval` is the seconds between two samples.
    """
    episodes, state = _episodes(threshold.condition, points, interval, then)
    acts, held = _acts(threshold, episodes)
    return Outcome(
        episodes=tuple(episodes),
        standing=standing(state),
        points=len(points.times),
        coarse=sum(step > 0 for step in points.steps),
        acts=acts,
        held=held,
    )


def _episodes(
    condition: Condition, points: Points, interval: float, then: Then | None
) -> tuple[list[Episode], ConditionState]:
    found: list[Episode] = []
    state, fired, worst = ConditionState(), None, 0.0
    for at, step, value in zip(points.times, points.steps, points.mean, strict=True):
        compared = then(at) if then is not None and condition.compare is not None else None
        evaluation = evaluate(condition, state, value, at, max(interval, float(step)), compared)
        state = evaluation.state
        if evaluation.event is Event.FIRED:
            fired, worst = at, value if state.value is None else state.value
        elif evaluation.event is Event.CLEARED and fired is not None:
            found.append(Episode(fired, at, worst))
            fired = None
        elif fired is not None and state.value is not None and _beyond(condition.bound, state.value, worst):
            worst = state.value
    return ([*found, Episode(fired, None, worst)] if fired is not None else found), state


def _beyond(bound: Bound, value: float, worst: float) -> bool:
    """Tell whether a number is further beyond a bound than another."""
    if bound.above is not None:
        return value > worst
    if bound.below is not None:
        return value < worst
    if bound.outside is not None:
        low, high = bound.outside
        return max(low - value, value - high) > max(low - worst, worst - high)
    return False


def _acts(threshold: Threshold, episodes: Sequence[Episode]) -> tuple[int, int]:
    """Return how many remedies would have been run for a series, and how many would have been held."""
    allowed: list[float] = []
    for episode in episodes:
        if admit(threshold.at_most, allowed, episode.fired).allowed:
            allowed.append(episode.fired)
    remedies = len(threshold.run)
    return remedies * len(allowed), remedies * (len(episodes) - len(allowed))
