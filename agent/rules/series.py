"""Which series a condition watches, and what becomes of each.

A condition watches every series of its signal that carries the labels it names; each series has a state of its own.
A condition that matches nothing still has one series, labelled as the condition says, which has no data. A series
that vanishes has no data either; after `FORGOTTEN_AFTER` seconds without a number it is forgotten, unless it is the
very one that the condition names. A forgotten series that was firing is reported as cleared.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from json.encoder import encode_basestring_ascii as _quoted

from msgspec.structs import replace

from agent.model.conditions import Condition
from agent.model.signals import ConditionState, Labels, Sample, labels
from agent.rules.conditions import Evaluation, Event, Gap, evaluate, steady

FORGOTTEN_AFTER = 86_400.0

_FRESH = ConditionState()


def by_signal(samples: Iterable[Sample]) -> dict[str, list[Sample]]:
    """Given the samples of one pass, return them by the name of their signal."""
    found: dict[str, list[Sample]] = {}
    for sample in samples:
        found.setdefault(sample.signal, []).append(sample)
    return found


Then = Callable[[Labels], float | None]
"""Given a series, what it is compared with: its value at the same time of another day, None where that is unknown."""


def evaluate_series(
    condition: Condition,
    states: Mapping[Labels, ConditionState],
    samples: Sequence[Sample],
    failed: bool,
    now: float,
    interval: float = 0.0,
    then: Then | None = None,
) -> dict[Labels, Evaluation]:
    """Given what one pass measured of a condition's signal, evaluate each of its series.

    `states` are the remembered states of this condition by series; `failed` tells that the group of the signal could
    not be measured, wholly or in part; `now` and `interval` are seconds as in `evaluate`.
    """
    named = labels(condition.labels)
    carried = frozenset(named).issubset
    readings = {s.labels: s.value for s in samples if s.labels == named or carried(s.labels)}
    result = {
        key: evaluate(condition, states.get(key, _FRESH), value, now, interval, then(key) if then else None)
        for key, value in readings.items()
    }
    if readings and states.keys() <= readings.keys():
        return result
    missing = Gap.ERROR if failed else Gap.NO_DATA
    for key in [key for key in states if key not in readings]:
        evaluation = evaluate(condition, states[key], missing, now, interval)
        if _forgettable(key, named, bool(readings), states[key], now):
            cleared = Event.CLEARED if states[key].fired_at is not None else Event.NONE
            evaluation = replace(evaluation, event=cleared, forgotten=True)
        result[key] = evaluation
    if all(evaluation.forgotten for evaluation in result.values()):
        result[named] = evaluate(condition, _FRESH, missing, now, interval)
    return result


def steady_series(
    condition: Condition, named: Labels, states: Mapping[Labels, ConditionState], samples: Sequence[Sample], now: float
) -> dict[Labels, ConditionState] | None:
    """As `evaluate_series`, where every series was well and still is: return their states, else None.

    `named` are the labels that the condition names, in order.
    """
    if condition.change is not None or condition.compare is not None:
        return None
    result = {}
    carried = frozenset(named).issubset
    for sample in samples:
        series = sample.labels
        if series == named or carried(series):
            state = states.get(series)
            after = None if state is None else steady(condition, state, sample.value, now)
            if after is None:
                return None
            result[series] = after
    return result if len(result) == len(states) and result else None


def state_key(threshold: str, series: Labels) -> str:
    """Given a threshold's name and a series, return the key under which the state is stored: a JSON text."""
    pairs = ",".join([f"[{_quoted(name)},{_quoted(value)}]" for name, value in series])
    return f"[{_quoted(threshold)},[{pairs}]]"


def parse_state_key(key: str) -> tuple[str, Labels]:
    """Given a key made by `state_key`, return the threshold's name and the series; ValueError for anything else."""
    parts = json.loads(key)
    if not (isinstance(parts, list) and len(parts) == 2 and isinstance(parts[0], str) and isinstance(parts[1], list)):
        raise ValueError(f"not the key of a condition: {key!r}")
    pairs = parts[1]
    if not all(isinstance(pair, list) and len(pair) == 2 and all(isinstance(x, str) for x in pair) for pair in pairs):
        raise ValueError(f"not the key of a condition: {key!r}")
    return parts[0], tuple((name, value) for name, value in pairs)


def _forgettable(key: Labels, named: Labels, others: bool, state: ConditionState, now: float) -> bool:
    if key == named:
        return others
    if state.measured_at is None:
        return True
    # Since when it is missing is in the store, and when it was measured last need not be: a restart changes nothing.
    return state.missing_since is not None and now - state.missing_since > FORGOTTEN_AFTER
