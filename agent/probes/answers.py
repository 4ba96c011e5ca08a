"""What probes conclude when a source does not answer as it should."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from agent.errors import AgentError
from agent.model.signals import Sample, labels
from agent.probes.group import Measured

MOST_SERIES = 1000
"""How many samples one measurement of a probe gives at most."""

MOST_TEXT = 1 << 18
"""How many characters their names and labels have at most, all together."""


class Down(Exception):
    """The source did not answer as the policy wants: that is a fact, its `up` is 0. The message says what it did."""

    def __init__(self, message: str, samples: Iterable[Sample] = ()) -> None:
        super().__init__(message)
        self.samples = tuple(samples)


def sample(what: str, value: float, pairs: Mapping[str, str] | None = None) -> Sample:
    """Given a signal without the probe's name, its number and labels, return the sample."""
    return Sample(what, labels(pairs or {}), float(value))


def given(values: Mapping[str, float | None]) -> list[Sample]:
    """Given numbers by signal, return those that there are as samples without labels."""
    return [Sample(what, (), float(value)) for what, value in values.items() if value is not None]


def concluded(found: Measured, seconds: float) -> Measured:
    """Given what a source measured without complaint and in how many seconds, return it within bounds and complete."""
    if not all(map(math.isfinite, [one.value for one in found.samples])):
        wrong = next(one for one in found.samples if not math.isfinite(one.value))
        return failed(Down(f"{wrong.signal} is {wrong.value}, which is no number"), seconds)
    if len(found.samples) > MOST_SERIES:
        return failed(Down(f"{len(found.samples)} series, of which there may be {MOST_SERIES}"), seconds)
    text = sum([len(one.signal) for one in found.samples])
    text += sum([len(name) + len(label) for one in found.samples for name, label in one.labels])
    if text > MOST_TEXT:
        return failed(Down(f"{text} characters of labels, of which there may be {MOST_TEXT}"), seconds)
    up = [] if found.error or "up" in [one.signal for one in found.samples] else [sample("up", 1)]
    return Measured([*up, sample("duration_seconds", seconds), *found.samples], found.error)


def failed(error: Exception, seconds: float) -> Measured:
    """Given what a measurement raised after so many seconds, return what is known all the same."""
    took = sample("duration_seconds", seconds)
    # A name from the host may be no UTF-8, and what is told has to be.
    why = str(error).encode(errors="backslashreplace").decode()
    if isinstance(error, Down):
        return Measured([sample("up", 0), took, *error.samples], why)
    return Measured([took], why if isinstance(error, AgentError) else f"{type(error).__name__}: {why}")
