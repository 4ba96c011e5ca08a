"""Signals, samples, and what a condition concludes from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

from msgspec import Struct

Labels = tuple[tuple[str, str], ...]
"""Label pairs, sorted by name, so that they can be a key."""


def labels(pairs: Mapping[str, str]) -> Labels:
    """Given label names and values, return them as a sorted, hashable key."""
    return tuple(sorted(pairs.items()))


class Verdict(StrEnum):
    """Four different things, everywhere: the bound held, was violated, could not be measured, or lacks data."""

    PASS = "pass"
    FAIL = "fail"
    ERROR = "error"
    INCONCLUSIVE = "inconclusive"


class Sample(Struct, frozen=True):
    """One number of one signal. `unit` of the value is in the signal's name (`_percent`, `_bytes`, `_seconds`)."""

    signal: str
    labels: Labels
    value: float


class Sampling(Struct, frozen=True):
    """One pass over the host: what was measured, and which groups of signals could not be (group -> sentence)."""

    samples: Sequence[Sample]
    errors: Mapping[str, str]


class Points(Struct, frozen=True):
    """Numbers of one series, oldest first. Each stands for the seconds of `steps` from its instant on; 0 is a sample.

    `low`, `mean` and `high` are the same for a sample; `counts` is how many samples there were. `damaged` counts rows
    of that stretch of time that cannot be read any more.
    """

    times: Sequence[float]
    steps: Sequence[int]
    low: Sequence[float]
    mean: Sequence[float]
    high: Sequence[float]
    counts: Sequence[float]
    damaged: int = 0


class SignalSpec(Struct, frozen=True):
    """A signal that can be provided: what it means, its unit, and the label names its series carry.

    A threshold on it must name the labels in `required`, because only what is asked for by name is measured.
    """

    name: str
    help: str
    unit: str
    labels: tuple[str, ...]
    required: tuple[str, ...] = ()


Signals = Mapping[str, SignalSpec]
"""The signals that there are, by name."""


class ConditionState(Struct, frozen=True):
    """What a condition remembers between evaluations; instants are seconds since the epoch.

    `since` is the start of the present violation or None; `violations` counts samples in a row that violate, or those
    among the last ones; `fired_at` is set while the condition is firing; `value` is what was held against the bound
    last, None where there was nothing; `measured_at` is when the last finite number was read.

    `good_since` is since when no measurement violates a condition that still fires, and `missing_since` since when
    there is no number. `recent` are the last measurements from the first that violates on: the instants of those that
    violate, None for the others. `points` are instants and values from which the rate of change follows. `muted` is
    the reason for which nobody was told that it fires, "" when somebody was, and `muted_by` the threshold or task
    that it comes from.
    """

    verdict: Verdict = Verdict.INCONCLUSIVE
    since: float | None = None
    violations: int = 0
    fired_at: float | None = None
    value: float | None = None
    evaluated_at: float | None = None
    measured_at: float | None = None
    good_since: float | None = None
    missing_since: float | None = None
    recent: tuple[float | None, ...] = ()
    points: tuple[tuple[float, float], ...] = ()
    muted: str = ""
    muted_by: str = ""
