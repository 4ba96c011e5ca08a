"""The numbers of probes. A family is made when the first probe that gives it is in force."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from itertools import accumulate

from agent.metrics import families as f
from agent.metrics.block import Block
from agent.metrics.families import Family
from agent.metrics.records import ProbeFacts, ProberFacts
from agent.model.signals import Labels
from agent.probes.offered import OFFERED

Row = tuple[Family, Labels, float]


class ProbeMetrics:
    """What each probe measured last, and how the prober is. Not locked: whoever holds it does that."""

    def __init__(self) -> None:
        self.block = Block(f.OF_PROBES)
        self._kinds: dict[str, str] = {}
        self._families: dict[tuple[str, str], Family] = {}
        self._latest: dict[str, ProbeFacts] = {}
        self._late = [0] * (len(f.PROBE_LATENESS.bounds) + 1)
        self._late_seconds = 0.0
        self._shown: set[str] = set()

    def put_in_force(self, kinds: Mapping[str, str]) -> None:
        """Given the kind of every probe by name, show these and no others."""
        for kind in {*kinds.values()} - {*self._kinds.values()}:
            made = {(kind, what): f.family_of_probe(kind, spec) for what, spec in OFFERED[kind].signals.items()}
            self._families |= made
            self.block.extend(made.values())
        self._kinds = dict(kinds)
        self._latest = {name: facts for name, facts in self._latest.items() if kinds.get(name) == facts.kind}
        for key in self.block.keys(f.PROBE_RESULTS):
            if dict(key)["probe"] not in kinds:
                self.block.drop(f.PROBE_RESULTS, key)
        self._shown = {"*"}

    def measured(self, facts: ProbeFacts, late: float | None) -> None:
        """Given what a probe has just given, and how late in seconds it was measured, show that."""
        self._latest[facts.name] = facts
        self._shown.add("*")
        outcome = "error" if facts.error else "value" if len(facts.samples) > _ALWAYS else "no data"
        self.block.add(f.PROBE_RESULTS, (("probe", facts.name), ("outcome", outcome)), 1)
        if late is not None:
            self._late[bisect_left(f.PROBE_LATENESS.bounds, late)] += 1
            self._late_seconds += late

    def prober(self, facts: ProberFacts) -> None:
        """Given how the prober is, show it."""
        for family, value in (
            (f.PROBES_HUNG, facts.hung),
            (f.PROBER_RESTARTS, facts.restarts),
            (f.PROBER_CPU, facts.cpu_seconds),
            (f.PROBER_MEMORY, facts.resident),
        ):
            self.block.put(family, (), value)

    def show(self) -> None:
        """Show what is new, before a page is written."""
        if not self._shown:
            return
        self._shown = set()
        counts = [*accumulate(self._late)]
        if counts[-1]:
            self.block.put(f.PROBE_LATENESS, (), *counts, counts[-1], self._late_seconds)
        rows: dict[str, tuple[Family, dict[Labels, float]]] = {
            family.name: (family, {}) for family in (*self._families.values(), f.PROBE_VALUE)
        }
        for facts in self._latest.values():
            for what, labels, value in facts.samples:
                family, key = self._place(facts, what, labels)
                rows[family.name][1][key] = value
        for family, values in rows.values():
            self.block.replace(family, values)

    def _place(self, facts: ProbeFacts, what: str, labels: Labels) -> tuple[Family, Labels]:
        family = self._families.get((facts.kind, what))
        ours = (("probe", facts.name),) if family is not None else (("probe", facts.name), ("signal", what))
        taken = dict(ours)
        own = tuple([(f"exported_{name}" if name in taken else name, value) for name, value in labels])
        return family or f.PROBE_VALUE, (*ours, *own)


_ALWAYS = 2
"""`up` and `duration_seconds` are no data of the source's."""
