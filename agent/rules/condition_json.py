"""States of conditions as JSON, for the store."""

from __future__ import annotations

import json
import math

from msgspec.structs import asdict

from agent.model.signals import ConditionState, Verdict

_INSTANTS_AND_VALUES = (
    *("since", "fired_at", "value", "evaluated_at", "measured_at"),
    *("good_since", "missing_since"),
)
_RARE = ("good_since", "missing_since", "recent", "points", "muted", "muted_by")
"""Fields that are left out where they say nothing, as they mostly do."""


def dump_state(state: ConditionState) -> str:
    """Given a state, return its JSON text."""
    fields = {name: value for name, value in asdict(state).items() if value or name not in _RARE or value == 0.0}
    return json.dumps(fields, separators=(",", ":"), allow_nan=False)


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
    if "recent" in data:
        instants = _listed("recent", data["recent"])
        data["recent"] = tuple(None if instant is None else _finite("recent", instant) for instant in instants)
    if "points" in data:
        data["points"] = tuple(_point(point) for point in _listed("points", data["points"]))
    for name in ("muted", "muted_by"):
        if not isinstance(data.get(name, ""), str):
            raise ValueError(f"{name} of a condition is not a text: {data[name]!r:.40}")
    return ConditionState(**data)


def _listed(name: str, value: object) -> list[object]:
    if not isinstance(value, list):
        raise ValueError(f"{name} of a condition is not a list: {value!r:.40}")
    return value


def _point(value: object) -> tuple[float, float]:
    at, found = _listed("a point", value)
    return _finite("points", at), _finite("points", found)


def _finite(name: str, value: object) -> float:
    # Integers that long are no instants, and some of them do not even fit a float.
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 63:
        return float(value)
    if isinstance(value, float) and math.isfinite(value):
        return value
    raise ValueError(f"{name} of a condition is not a finite number: {value!r:.40}")
