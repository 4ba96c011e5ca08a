"""States of conditions as JSON, for the store."""

from __future__ import annotations

import json
import math

from msgspec.structs import asdict

from agent.model.signals import ConditionState, Verdict

_INSTANTS_AND_VALUES = ("since", "fired_at", "value", "evaluated_at", "measured_at")


def dump_state(state: ConditionState) -> str:
    """Given a state, return its JSON text."""
    return json.dumps(asdict(state), separators=(",", ":"), allow_nan=False)


def load_state(text: str) -> ConditionState:
    """Given JSON text made by `dump_state`, return the state; ValueError says what is wrong with anything else.

    A field that is absent takes its default, so that states of an older agent stay readable.
    """
    data = json.loads(text)
    if not isinstance(data, dict):
        raise ValueError("the state of a condition is not an object")
    unknown = sorted(set(data) - set(ConditionState.__struct_fields__))
    if unknown:
        raise ValueError(f"the state of a condition has unknown fields: {', '.join(unknown)}")
    for name in _INSTANTS_AND_VALUES:
        if data.get(name) is not None:
            data[name] = _finite(name, data[name])
    violations = data.get("violations", 0)
    if isinstance(violations, bool) or not isinstance(violations, int) or violations < 0:
        raise ValueError(f"violations of a condition is not a count: {violations!r}")
    if "verdict" in data:
        data["verdict"] = Verdict(data["verdict"])
    return ConditionState(**data)


def _finite(name: str, value: object) -> float:
    # Integers that long are no instants, and some of them do not even fit a float.
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 63:
        return float(value)
    if isinstance(value, float) and math.isfinite(value):
        return value
    raise ValueError(f"{name} of a condition is not a finite number: {value!r:.40}")
