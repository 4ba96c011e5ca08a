"""Every mistake between files: names given twice, names that nobody gives, loops. Pure.

It is only asked for when something does not fit, and even then it takes bounded time, since the daemon asks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from agent.errors import Mistake
from agent.model.signals import Signals, SignalSpec
from agent.policy.fitting import unfit
from agent.policy.fragments import DEFINITIONS, Name, Outline, Reference
from agent.policy.nearest import quoted, suggest
from agent.policy.paths import dotted
from agent.probes.catalogue import group_of
from agent.probes.offered import ANY, BY_ACTION, OFFERED, kinds_of, signal_of

THINGS = {
    "windows": "window",
    "notifiers": "notifier",
    "databases": "database",
    "repositories": "repository",
    "probes": "probe",
    "tasks": "task",
    "thresholds": "threshold",
}
SHARED = ("tasks", "thresholds")
"""Sections that share their names: a hold that is to be released is of one or the other."""

TARGETS = {"window": "windows", "needs": "tasks", "run": "tasks", "mutes": "thresholds", "parents": "thresholds"}
"""By kind of reference: the section that the name has to be found in; other kinds are sections themselves."""

LOOPS = {
    "needs": (" needs ", "remove one of these needs"),
    "parents": (" has the parent ", "remove one of these parents"),
}
"""By kind of reference that must not lead back: what one does to the other, and what would be right."""

MOST = 200
"""So many mistakes between files are worded."""


def mistakes_between(outlines: Mapping[str, Outline | None], signals: Signals) -> list[Mistake]:
    """Given the outlines of all files by file, return every mistake between them, up to MOST.

    None stands for a file of which not even the names are known; then a name that is not found may be there.
    """
    between = _Between(outlines, signals)
    return list(islice(between.mistakes(), MOST))


class _Between:
    def __init__(self, outlines: Mapping[str, Outline | None], signals: Signals) -> None:
        self._files = sorted((file, outline) for file, outline in outlines.items() if outline is not None)
        self._complete = len(self._files) == len(outlines)
        self._signals = signals
        self._known: dict[str, dict[str, tuple[str, Name]]] = {section: {} for section in THINGS}
        self._options: dict[str, str] | None = None
        self._ways: dict[str, dict[tuple[str, str], tuple[str, Reference]]] = {kind: {} for kind in LOOPS}

    def mistakes(self) -> Iterator[Mistake]:
        """Yield the mistakes; names come first, because references are looked up in them."""
        for file, outline in self._files:
            for name in outline.names:
                yield from self._name(file, name)
        for file, outline in self._files:
            labels: dict[str, set[str]] = {}
            for reference in outline.references:
                if reference.kind == "label":
                    labels.setdefault(reference.owner, set()).add(reference.name)
            for reference in outline.references:
                yield from self._reference(file, reference, labels.get(reference.owner, set()))
        for kind, (verb, right) in LOOPS.items():
            yield from _loops(self._ways[kind], verb, right)

    def _name(self, file: str, name: Name) -> Iterator[Mistake]:
        if name.section == "probes" and name.name in set(map(group_of, self._signals)):
            wrong = f"the host itself has signals that begin with {name.name}"
            path = dotted((name.section, name.name))
            yield Mistake(file, name.line, name.column, path, wrong, "give the probe another name")
        for section in SHARED if name.section in SHARED else (name.section,):
            if name.name in self._known[section]:
                first_file, first = self._known[section][name.name]
                which = f"{'another' if section == name.section else 'a'} {THINGS[section]}"
                wrong = f"{which} of this name is in {first_file}:{first.line}:{first.column}"
                path = dotted((name.section, name.name))
                yield Mistake(file, name.line, name.column, path, wrong, "give one of them another name")
                break
        self._known[name.section].setdefault(name.name, (file, name))

    def _reference(self, file: str, reference: Reference, labels: set[str]) -> Iterator[Mistake]:
        if reference.kind == "signal":
            yield from self._signal(file, reference, labels)
        elif reference.kind == "label":
            spec = self._spec(reference.of)
            if spec is not None and spec.labels != ANY and reference.name not in spec.labels:
                wrong = f"{reference.of} has no label {quoted(reference.name)}"
                yield _mistake(file, reference, wrong, suggest(reference.name, spec.labels, "labels"))
        elif reference.name not in self._known[section := TARGETS.get(reference.kind, reference.kind)]:
            if self._complete:
                yield _unknown(file, reference, THINGS[section], section, self._known[section])
        elif reference.action or reference.same:
            if (found := unfit(reference, self._known["tasks"], self._chosen())) is not None:
                yield _mistake(file, reference, *found)
        elif reference.kind in self._ways:
            self._ways[reference.kind].setdefault((reference.owner, reference.name), (file, reference))

    def _kinds(self) -> Mapping[str, str]:
        probes, tasks = (
            {name: found.action for name, (_, found) in self._known[section].items()} for section in ("probes", "tasks")
        )
        return kinds_of(probes, tasks)

    def _spec(self, signal: str) -> SignalSpec | None:
        return self._signals.get(signal) or signal_of(signal, self._kinds())

    def _of_probes(self) -> Iterator[str]:
        for name, kind in self._kinds().items():
            offer = OFFERED.get(kind) or BY_ACTION.get(kind)
            yield from (f"{name}.{what}" for what in offer.signals) if offer is not None else ()

    def _chosen(self) -> Mapping[str, str]:
        """Return the known databases and repositories that options name, by path; asked for where tasks must fit."""
        if self._options is None:
            self._options = {
                one.path: one.name
                for _, outline in self._files
                for one in outline.references
                if one.kind in DEFINITIONS and one.name in self._known[one.kind]
            }
        return self._options

    def _signal(self, file: str, reference: Reference, labels: set[str]) -> Iterator[Mistake]:
        spec = self._spec(reference.name)
        if spec is None:
            # A probe of a file that cannot be read may give it.
            if self._complete or group_of(reference.name) in {*map(group_of, self._signals), *self._kinds()}:
                yield _unknown(file, reference, "signal", "signals", [*self._signals, *self._of_probes()])
            return
        for label in spec.required:
            if label not in labels:
                wrong = f"{spec.name} is only measured by {label}"
                yield _mistake(file, reference, wrong, f"add `{label}` to `labels`")


def _loops(ways: Mapping[tuple[str, str], tuple[str, Reference]], verb: str, right: str) -> Iterator[Mistake]:
    if not ways:
        return
    from agent.rules.needs import loops  # noqa: PLC0415 - it brings all of scheduling along

    graph: dict[str, list[str]] = {}
    for owner, name in ways:
        graph.setdefault(owner, []).append(name)
    for loop in loops(graph):
        file, reference = ways[loop[0], loop[1 % len(loop)]]
        way = [*loop[:10], "...", loop[-1]] if len(loop) > 12 else loop
        yield _mistake(file, reference, f"a loop: {verb.join((*way, loop[0]))}", right)


def _unknown(file: str, reference: Reference, what: str, those: str, known: Iterable[str]) -> Mistake:
    wrong = f"unknown {what} {quoted(reference.name)}"
    return _mistake(file, reference, wrong, suggest(reference.name, known, those))


def _mistake(file: str, reference: Reference, wrong: str, right: str) -> Mistake:
    return Mistake(file, reference.line, reference.column, reference.path, wrong, right)
