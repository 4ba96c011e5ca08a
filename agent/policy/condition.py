"""Conditions and what comes of them, read from the JSON of a fragment."""

from __future__ import annotations

from typing import Any

from agent.model.conditions import Against, As, Bound, Comparison, Condition, NoData, Rate

_NO_DATA = {verdict.value: verdict for verdict in NoData}


def condition_from(thing: dict[str, Any]) -> Condition:
    """Given a normalised condition, such as a threshold, return it."""
    bound = Bound(
        thing.get("above"),
        thing.get("below"),
        _range(thing.get("outside")),
        thing.get("equals"),
        thing.get("not_equals"),
    )
    clear = Bound(
        thing.get("clear_below", bound.above),
        thing.get("clear_above", bound.below),
        _range(thing.get("clear_inside", bound.outside)),
        bound.equals,
        bound.not_equals,
    )
    samples, of = thing["samples"], None
    if isinstance(samples, dict):
        samples, of = samples["violated"], samples["of"]
    return Condition(
        signal=thing["signal"],
        labels=thing["labels"],
        bound=bound,
        clear=clear,
        for_=thing["for"],
        samples=samples,
        of=of,
        keep_for=thing["keep_for"],
        no_data=_NO_DATA[thing["no_data"]],
        change=_rate(thing["change"]),
        compare=_comparison(thing["compare"]),
    )


def _rate(thing: dict[str, Any] | None) -> Rate | None:
    return None if thing is None else Rate(thing["over"], thing["per"] or thing["over"])


def _comparison(thing: dict[str, Any] | None) -> Comparison | None:
    return None if thing is None else Comparison(Against(thing["with"]), As(thing["as"]))


def _range(ends: Any) -> tuple[float, float] | None:
    return None if ends is None else (ends[0], ends[1])
