"""The thresholds of a policy set over the samples that a store has kept."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import tzinfo

from msgspec import Struct

from agent.model.policies import PolicySet, Threshold
from agent.model.samples import Key
from agent.model.signals import Labels, Points
from agent.rules.derived import same_time
from agent.rules.replay import Outcome, Then, replay
from agent.store import Store


class Replayed(Struct, frozen=True):
    """What a threshold would have made of one series, whose numbers reach from `since` up to `until`.

    Without any number of a series `outcome` is None: nothing is known, which is not the same as nothing happening.
    `damaged` counts stretches of the record that cannot be read.
    """

    threshold: str
    series: Labels
    since: float
    until: float
    outcome: Outcome | None
    damaged: int = 0


class Span(Struct, frozen=True):
    """From when up to when to look (seconds since the epoch), in which zone a day begins, and the usual interval."""

    since: float
    until: float
    zone: tzinfo
    interval: float


def replayed(store: Store, policies: PolicySet, names: Iterable[str], span: Span) -> list[Replayed]:
    """Given thresholds of a policy set by name, replay each over every series of its signal that has samples."""
    known = store.samples.series()
    found: list[Replayed] = []
    for name in names:
        threshold = policies.thresholds[name]
        series = [key for key in known if concerns(threshold, key)]
        found += [_one(store, threshold, key, span, _every(policies, threshold, span)) for key in series]
        if not series:
            found.append(Replayed(name, tuple(sorted(threshold.labels.items())), span.since, span.until, None))
    return found


def concerns(threshold: Threshold, key: Key) -> bool:
    """Tell whether a threshold watches a series."""
    signal, labels = key
    return signal == threshold.signal and threshold.labels.items() <= dict(labels).items()


def _every(policies: PolicySet, threshold: Threshold, span: Span) -> float:
    probe = policies.probes.get(threshold.signal.partition(".")[0])
    return span.interval if probe is None else probe.every


def _one(store: Store, threshold: Threshold, key: Key, span: Span, interval: float) -> Replayed:
    points = store.samples.read(key, span.since, span.until)
    return judged(threshold, key[1], points, span, interval, lambda at: store.samples.value(key, at))


def judged(threshold: Threshold, series: Labels, points: Points, span: Span, interval: float, past: Then) -> Replayed:
    """Given the numbers of a series, wherever they come from, replay a threshold over them.

    `past` gives the value of the series at an instant, for conditions that compare.
    """
    if not points.times:
        return Replayed(threshold.name, series, span.since, span.until, None, points.damaged)
    compare = threshold.condition.compare
    then: Then | None = None if compare is None else lambda at: past(same_time(at, compare.against, span.zone))
    outcome = replay(threshold, points, interval, then)
    return Replayed(threshold.name, series, points.times[0], points.times[-1], outcome, points.damaged)
