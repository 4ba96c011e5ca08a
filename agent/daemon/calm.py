"""Which thresholds are well, source by source, so that a pass in which nothing has changed touches none of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from agent.model.conditions import Condition
from agent.model.policies import Threshold
from agent.model.samples import Samples
from agent.model.signals import ConditionState, Labels
from agent.rules.well import WellKept, Wellness

Watched = Sequence[tuple[Threshold, Labels]]
"""Thresholds, each with the labels that it names."""

States = dict[str, dict[Labels, ConditionState]]


class Calm(Mapping[str, Mapping[Labels, ConditionState]]):
    """The states of all thresholds by name and series. Those of what is well are made when somebody asks for them."""

    def __init__(self) -> None:
        self._states: States = {}
        self._kept: dict[str, tuple[WellKept, Watched]] = {}
        """By source what was well in its last pass, and the thresholds of which that says nothing."""

        self._well: dict[str, Wellness] = {}

    @property
    def states(self) -> States:
        """The states; they may be changed, of what `disturbed` returned last, or after `forget`."""
        for well in self._well.values():
            for name, series, state in well.states():
                self._states[name][series] = state
        self._well.clear()
        return self._states

    def __getitem__(self, threshold: str) -> Mapping[Labels, ConditionState]:
        return self.states[threshold]

    def __iter__(self) -> Iterator[str]:
        return iter(self._states)

    def __len__(self) -> int:
        return len(self._states)

    def of(self, threshold: str) -> dict[Labels, ConditionState]:
        """Given a threshold that `disturbed` has returned, return its states by series."""
        return self._states.setdefault(threshold, {})

    def forget(self) -> None:
        """Other thresholds come into force: hold nothing for well that has not been judged since."""
        _ = self.states
        self._kept.clear()

    def disturbed(
        self, source: str, found: Samples, errors: Mapping[str, str], now: float, thresholds: Watched
    ) -> Watched:
        """Given what a source told at `now`, return those of its thresholds that have to be judged one by one.

        `errors` says of which groups something could not be measured. `thresholds` are all of the source.
        """
        kept, others = self._kept.get(source, (None, thresholds))
        if kept is None:
            return thresholds
        well = kept.still(found, errors, now)
        if well is None:
            self._drop(source)
            return thresholds
        self._well[source] = well
        return others

    def keep(
        self,
        source: str,
        found: Samples,
        errors: Mapping[str, str],
        steady: Mapping[str, tuple[Condition, Iterable[Labels]]],
        missing: Mapping[str, tuple[Labels, ConditionState]],
        thresholds: Watched,
    ) -> None:
        """Given which of those judged were well and still are, and which are missing, need not judge these again.

        The arguments are those of `disturbed` and of `WellKept`.
        """
        kept = WellKept(found, errors, steady, missing)
        if source not in self._kept:
            self._kept[source] = (kept, [one for one in thresholds if one[0].name not in kept.names])
        elif kept.names:
            self._drop(source)  # what has become well joins the others when all are judged the next time

    def _drop(self, source: str) -> None:
        _ = self.states
        del self._kept[source]

    def snapshot(self) -> Callable[[], Iterator[tuple[str, Labels, ConditionState]]]:
        """Return what tells, in any thread, the state of every series of every threshold as it stands now."""
        well = tuple(self._well.values())
        told = [self._kept[source][0].names for source in self._well]
        others: list[tuple[str, dict[Labels, ConditionState]]] = []
        if sum(map(len, told)) < len(self._states):
            names = frozenset().union(*told)
            others = [(name, dict(states)) for name, states in self._states.items() if name not in names]

        def states() -> Iterator[tuple[str, Labels, ConditionState]]:
            for one in well:
                yield from one.states()
            for name, of_series in others:
                for series, state in of_series.items():
                    yield name, series, state

        return states
