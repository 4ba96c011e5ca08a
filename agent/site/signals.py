"""The signals of the host as lines, and the thresholds with where they stand."""

from __future__ import annotations

import math
from collections.abc import Sequence

from agent.engine.visit import Course
from agent.model.conditions import Bound
from agent.model.policies import Threshold
from agent.model.signals import ConditionState, Labels
from agent.model.signals import labels as sorted_labels
from agent.pages.html import Child, Markup, element
from agent.pages.svg import sparkline
from agent.probes.catalogue import SIGNALS
from agent.readable import duration
from agent.rules.condition_json import load_state
from agent.rules.conditions import Standing, standing
from agent.rules.quantities import format_duration
from agent.rules.series import parse_state_key
from agent.site.parts import card, chip, link, more, nothing, since, table, words
from agent.site.scene import Scene

POINTS = 48
"""Numbers of a line; of several that share a place the greatest is shown."""

FIRST = (
    "cpu.used_percent",
    "load.1m",
    "memory.used_percent",
    "swap.used_percent",
    "disk.used_percent",
    "pressure.io.some_percent",
)
"""The signals that come first, in their order."""

_ORDER = (Standing.FIRING, Standing.UNKNOWN, Standing.PENDING, Standing.OK)
_STEPS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))

Key = tuple[str, Labels]


def signals(scene: Scene, most: int) -> Markup:
    """Return up to `most` signals as lines, each with its latest number."""
    course = scene.visit.course
    keys = sorted(course.series, key=_place)
    firing = {(name, labels) for name, labels, state in _states(scene) if standing(state) is Standing.FIRING}
    drawn = [_drawn(scene, course, key, firing) for key in keys[:most]]
    reach = duration(course.times[-1] - course.times[0]) if len(course.times) > 1 else ""
    problems = [element("li", f"{group} cannot be measured: {why}") for group, why in course.errors.items()]
    return card(
        "signals",
        "Signals",
        element("ul", problems) if problems else None,
        element("ul", drawn, class_="signals") if drawn else nothing("The first measurements are on their way."),
        more(len(keys) - most, "signals", view="signals"),
        aside=f"the last {reach}" if reach else None,
        wide=True,
    )


def _place(key: Key) -> tuple[int, Key]:
    return (FIRST.index(key[0]) if key[0] in FIRST else len(FIRST), key)


def _drawn(scene: Scene, course: Course, key: Key, firing: set[tuple[str, Labels]]) -> Markup:
    signal, labels = key
    about = [found for found in scene.policies.thresholds.values() if _is_about(found, key)]
    values = thinned(course.series[key], POINTS)
    latest = course.latest.get(key)
    percent = signal.endswith("_percent")
    marks = [mark for threshold in about for mark in _levels(threshold.bound)]
    name = named(signal, labels)
    known = [value for value in values if value is not None]
    told = (
        f"{name}: from {quantity(signal, min(known))} to {quantity(signal, max(known))}"
        if known
        else f"{name}: unknown"
    )
    return element(
        "li",
        element("p", name, " ", element("b", "unknown" if latest is None else quantity(signal, latest))),
        sparkline(values, told, low=0.0, high=100.0 if percent else None, marks=marks),
        class_="firing" if any((threshold.name, labels) in firing for threshold in about) else None,
    )


def thinned(values: Sequence[float], most: int) -> list[float | None]:
    """Given numbers, NaN where there is none, return at most `most`: of those that share a place the greatest."""
    size = max(1, math.ceil(len(values) / most))
    places = (values[start : start + size] for start in range(0, len(values), size))
    return [max((value for value in place if not math.isnan(value)), default=None) for place in places]


def thresholds(scene: Scene) -> Markup:
    """Return the thresholds in force with where each of their series stands, the worst first."""
    states = _states(scene)
    known = {name for name, _, _ in states}
    unseen = [found for name, found in scene.policies.thresholds.items() if name not in known]
    states += [(found.name, sorted_labels(found.labels), ConditionState()) for found in unseen]
    states.sort(key=lambda found: (_ORDER.index(standing(found[2])), found[0], found[1]))
    rows = [_row(scene, *state) for state in states[:MOST]]
    if not rows:
        return card("thresholds", "Thresholds", nothing("No policy has a threshold."))
    listed = table("Thresholds", ("Threshold", "Stands", "Value", "Bound"), rows)
    return card("thresholds", "Thresholds", listed, more(len(states) - MOST, "thresholds and series, all no worse"))


MOST = 14


def _row(scene: Scene, name: str, labels: Labels, state: ConditionState) -> tuple[Child, ...]:
    threshold = scene.policies.thresholds[name]
    key = (threshold.signal, labels)
    latest = scene.visit.course.latest.get(key)
    stands = standing(state)
    at = state.fired_at if stands is Standing.FIRING else state.since
    shown = "bad" if stands is Standing.FIRING and threshold.severity == "critical" else ""
    return (
        (name, element("small", named(threshold.signal, labels))),
        (
            chip(stands, shown),
            element("small", since(scene, at)) if at is not None else None,
            element("small", f"muted: {words(state.muted)} ({state.muted_by})") if state.muted else None,
        ),
        "unknown" if latest is None else quantity(threshold.signal, latest),
        (
            bound(threshold),
            element("small", f"for {format_duration(threshold.condition.for_)}") if threshold.condition.for_ else None,
        ),
    )


def _states(scene: Scene) -> list[tuple[str, Labels, ConditionState]]:
    """Return what the thresholds in force remember."""
    found = [(*parse_state_key(key), load_state(text)) for key, text in scene.store.conditions.all().items()]
    return [state for state in found if state[0] in scene.policies.thresholds]


def _is_about(threshold: Threshold, key: Key) -> bool:
    return threshold.signal == key[0] and set(threshold.labels.items()) <= set(key[1])


def _levels(limit: Bound) -> list[float]:
    ends = limit.outside or (limit.above, limit.below)
    return [end for end in ends if end is not None]


def bound(threshold: Threshold) -> str:
    """Given a threshold, return what its signal must not be."""
    limit, signal = threshold.bound, threshold.signal
    if limit.outside is not None:
        return f"outside {quantity(signal, limit.outside[0])} to {quantity(signal, limit.outside[1])}"
    if limit.above is not None:
        return f"above {quantity(signal, limit.above)}"
    return f"below {quantity(signal, limit.below)}" if limit.below is not None else ""


def named(signal: str, labels: Labels) -> str:
    """Given a signal and the labels of a series, return both as one name."""
    plain = signal.removesuffix("_percent").removesuffix("_bytes_per_second").removesuffix("_per_second")
    return " ".join((plain.removesuffix("_bytes").replace("_", " ").replace(".", " "), *(value for _, value in labels)))


def quantity(signal: str, value: float) -> str:
    """Given a signal and a number, return the number with its unit."""
    unit = SIGNALS[signal].unit if signal in SIGNALS else ""
    if unit == "percent":
        return f"{value:.0f} %" if value >= 10 else f"{value:.1f} %"
    if unit == "seconds":
        return duration(value)
    tail = {"bytes": "B", "bytes_per_second": "B/s", "per_second": "/s", "celsius": "°C"}.get(unit, "")
    size, prefix = next(((size, prefix) for size, prefix in _STEPS if abs(value) >= size), (1.0, ""))
    number = f"{value / size:.3g}" if abs(value) >= 0.01 else f"{value / size:.2g}"
    return f"{number} {prefix}{tail}".strip()


def whole(scene: Scene) -> tuple[Child, ...]:
    """Return the page of the signals."""
    return element("h1", "Signals"), element("div", signals(scene, 40), thresholds(scene), class_="grid"), link("Back")
