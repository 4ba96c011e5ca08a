"""The numbers that come anew with every pass: signals of the host, and thresholds.

The same series come in the same order pass after pass, so where each of them is shown is looked up once, and only
their numbers are handed over after that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agent.metrics import families as f
from agent.metrics.block import Block
from agent.metrics.records import ThresholdFacts
from agent.metrics.series import Series
from agent.model.samples import Key, in_rows
from agent.model.signals import ConditionState, Labels, Sampling, SignalSpec, Verdict
from agent.rules.conditions import Event, Standing, standing

_VERDICTS = tuple(Verdict)


class HostMetrics:
    """One family for each signal of the host. Not locked: whoever holds it does that."""

    def __init__(self, signals: Mapping[str, SignalSpec]) -> None:
        self._families = {name: (f.family_of(spec), f.scale_of(spec)) for name, spec in signals.items()}
        self.block = Block(family for family, _ in self._families.values())
        self._order: tuple[Key, ...] = ()
        self._places: list[tuple[Series | None, float]] = []

    def show(self, sampling: Sampling) -> None:
        """Given a pass over the host, show what it measured and nothing else."""
        rows = in_rows(sampling.samples)
        if rows.keys != self._order:
            self._order, self._places = rows.keys, self._find(rows.keys)
        for (series, scale), value in zip(self._places, rows.values, strict=True):
            if series is not None:
                series.set((value * scale,))

    def _find(self, order: Sequence[Key]) -> list[tuple[Series | None, float]]:
        measured: dict[str, set[Labels]] = {name: set() for name in self._families}
        for name, key in order:
            if name in measured:
                measured[name].add(key)
        for name, (family, _) in self._families.items():
            self.block.keep(family, measured[name])
        places: list[tuple[Series | None, float]] = []
        for name, key in order:
            known = self._families.get(name)
            places.append((None, 1.0) if known is None else (self.block.series(known[0], key), known[1]))
        return places


class ThresholdMetrics:
    """Firing, pending, verdict and value of each series of each threshold. Not locked either.

    The `values` change with every pass; all else, in `block`, changes when something happens.
    """

    def __init__(self) -> None:
        self.block = Block(f.OF_THRESHOLDS)
        self.values = Block(f.OF_THRESHOLD_VALUES)
        self._order: list[tuple[str, Labels]] = []
        self._places: list[_Place] = []

    def show(self, states: Sequence[ThresholdFacts]) -> None:
        """Given the state of every series of every threshold, show these and no others."""
        order = [(facts.threshold, facts.series) for facts in states]
        if order != self._order:
            self._order, self._places = order, self._find(order)
        for place, facts in zip(self._places, states, strict=True):
            place.show(facts.state)
        muted = [facts for facts in states if facts.state.muted]
        keys = [(("threshold", one.threshold), ("reason", one.state.muted), *_beside(one.series)) for one in muted]
        self.block.replace(f.THRESHOLD_MUTED, dict.fromkeys(keys, 1))

    def count(self, threshold: str, event: Event) -> None:
        """Given that a threshold fired or cleared, count it."""
        self.block.add(f.THRESHOLD_EVENTS, (("threshold", threshold), ("event", event.value)), 1)

    def _find(self, order: Sequence[tuple[str, Labels]]) -> list[_Place]:
        keys = [(("threshold", threshold), *_beside(series)) for threshold, series in order]
        self.values.keep(f.THRESHOLD_VALUE, set(keys))
        for family in (f.THRESHOLD_FIRING, f.THRESHOLD_PENDING):
            self.block.keep(family, set(keys))
        of_verdicts = [[(*key, ("verdict", verdict.value)) for verdict in _VERDICTS] for key in keys]
        self.block.keep(f.THRESHOLD_VERDICT, {key for verdicts in of_verdicts for key in verdicts})
        known = {threshold for threshold, _ in order}
        events = self.block.keys(f.THRESHOLD_EVENTS)
        self.block.keep(f.THRESHOLD_EVENTS, {key for key in events if dict(key)["threshold"] in known})
        return [
            _Place(
                self.values.series(f.THRESHOLD_VALUE, key),
                (
                    self.block.series(f.THRESHOLD_FIRING, key),
                    self.block.series(f.THRESHOLD_PENDING, key),
                    *(self.block.series(f.THRESHOLD_VERDICT, verdict) for verdict in verdicts),
                ),
            )
            for key, verdicts in zip(keys, of_verdicts, strict=True)
        ]


class _Place:
    """Where one series of a threshold is shown."""

    __slots__ = ("_others", "_shown", "_value")

    def __init__(self, value: Series | None, others: tuple[Series | None, ...]) -> None:
        self._value = value
        self._others = others
        self._shown: tuple[Standing, Verdict] | None = None

    def show(self, state: ConditionState) -> None:
        """Given the state of the series, show that."""
        if self._value is not None:
            self._value.set(() if state.value is None else (state.value,))
        shown = (standing(state), state.verdict)
        if shown == self._shown:
            return
        self._shown = shown
        where, seen = shown
        numbers = (where is Standing.FIRING, where is Standing.PENDING, *(seen is verdict for verdict in _VERDICTS))
        for series, number in zip(self._others, numbers, strict=True):
            if series is not None:
                series.set((float(number),))


def _beside(series: Labels) -> Labels:
    """Return the labels of a series that may stand beside those of the family."""
    return tuple(pair for pair in series if pair[0] not in ("threshold", "verdict", "reason"))
