"""Which series a threshold watches, and what becomes of each.

A threshold watches every series of its signal that carries the labels it names; each series has a state of its own.
A threshold that matches nothing still has one series, labelled as the threshold says, which has no data. A series
that vanishes has no data either; after `FORGOTTEN_AFTER` seconds without a number it is forgotten, unless it is the
very one that the threshold names. A forgotten series that was firing is reported as cleared.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from json.encoder import encode_basestring_ascii as _quoted

from msgspec.structs import replace

from agent.model.policies import Threshold
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


def evaluate_series(
    threshold: Threshold,
    states: Mapping[Labels, ConditionState],
    samples: Sequence[Sample],
    failed: bool,
    now: float,
    interval: float = 0.0,
) -> dict[Labels, Evaluation]:
    """Given what one pass measured of a threshold's signal, evaluate each of its series.

    `states` are the remembered states of this threshold by series; `failed` tells that the group of the signal could
    not be measured, wholly or in part; `now` and `interval` are seconds as in `evaluate`.
    """
    named = labels(threshold.labels)
    carried = frozenset(named).issubset
    readings = {s.labels: s.value for s in samples if s.labels == named or carried(s.labels)}
    result = {
        key: evaluate(threshold, states.get(key, _FRESH), value, now, interval) for key, value in readings.items()
    }
    if readings and states.keys() <= readings.keys():
        return result
    missing = Gap.ERROR if failed else Gap.NO_DATA
    for key in [key for key in states if key not in readings]:
        evaluation = evaluate(threshold, states[key], missing, now, interval)
        if _forgettable(key, named, bool(readings), states[key], now):
            cleared = Event.CLEARED if states[key].fired_at is not None else Event.NONE
            evaluation = replace(evaluation, event=cleared, forgotten=True)
        result[key] = evaluation
    if all(evaluation.forgotten for evaluation in result.values()):
        result[named] = evaluate(threshold, _FRESH, missing, now, interval)
    return result


def steady_series(
    threshold: Threshold, named: Labels, states: Mapping[Labels, ConditionState], samples: Sequence[Sample], now: float
) -> dict[Labels, ConditionState] | None:
    """As `evaluate_series`, where every series was well and still is: return their states, else None.

    `named` are the labels that the threshold names, in order.
    """
    result = {}
    carried = frozenset(named).issubset
    for sample in samples:
        series = sample.labels
        if series == named or carried(series):
            state = states.get(series)
            after = None if state is None else steady(threshold, state, sample.value, now)
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
    return state.measured_at is None or now - state.measured_at > FORGOTTEN_AFTER
