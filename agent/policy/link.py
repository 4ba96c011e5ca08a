"""All files together: from fragments to the policy set, or to every mistake between files. Pure."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence

from agent.errors import Mistake, PolicyError
from agent.model.policies import PolicySet, Task, Threshold, Window
from agent.model.signals import SignalSpec
from agent.policy.fragments import Fragment, Name, Outline, Reference
from agent.policy.nearest import quoted, suggest
from agent.policy.paths import dotted

THINGS = {"windows": "window", "tasks": "task", "thresholds": "threshold"}
SHARED = ("tasks", "thresholds")
"""Sections that share their names: a hold that is to be released is of one or the other."""

TARGETS = {"window": "windows", "needs": "tasks", "run": "tasks"}
"""By kind of reference: the section that the name has to be found in."""

Signals = Mapping[str, SignalSpec]
"""The signals that there are, by name."""


def link(fragments: Mapping[str, Fragment], signals: Signals) -> PolicySet:
    """Given the fragments of all files by file name, return the policy set.

    Raises PolicyError with every mistake, which needs every fragment's outline.
    """
    policies = fitted(fragments, signals)
    if policies is None:
        outlines = {fragment.file: fragment.outline for fragment in fragments.values()}
        raise PolicyError(mistakes_between(outlines, signals))
    return policies


def fitted(fragments: Mapping[str, Fragment], signals: Signals) -> PolicySet | None:
    """Given the fragments of all files by file name, return the policy set, or None if there is any mistake."""
    windows: dict[str, Window] = {}
    tasks: dict[str, Task] = {}
    thresholds: dict[str, Threshold] = {}
    things = 0
    for name in sorted(fragments):
        fragment = fragments[name]
        things += len(fragment.windows) + len(fragment.tasks) + len(fragment.thresholds)
        windows |= {window.name: window for window in fragment.windows}
        tasks |= {task.name: task for task in fragment.tasks}
        thresholds |= {threshold.name: threshold for threshold in fragment.thresholds}
    if things != len(windows) + len(tasks | thresholds):
        return None
    for task in tasks.values():
        if not ((task.window is None or task.window in windows) and all(need in tasks for need in task.needs)):
            return None
    for threshold in thresholds.values():
        if not (_measurable(threshold, signals) and all(name in tasks for name in threshold.run)):
            return None
    if _has_loops({task.name: task.needs for task in tasks.values() if task.needs}):
        return None
    digest = digest_of({name: fragment.digest for name, fragment in fragments.items()})
    return PolicySet(digest, len(fragments), windows, tasks, thresholds)


def _measurable(threshold: Threshold, signals: Signals) -> bool:
    spec = signals.get(threshold.signal)
    if spec is None:
        return False
    labels = threshold.labels
    return all(label in spec.labels for label in labels) and all(label in labels for label in spec.required)


def _has_loops(needs: Mapping[str, Sequence[str]]) -> bool:
    if not needs:
        return False
    from agent.rules.needs import loops  # noqa: PLC0415 - it brings all of scheduling along

    return bool(loops(needs))


def digest_of(digests: Mapping[str, str]) -> str:
    """Given the digests of all files' bytes by file name, return the digest that names exactly this set."""
    whole = hashlib.sha256()
    for name in sorted(digests):
        whole.update(os.fsencode(name) + b"\0" + digests[name].encode() + b"\n")
    return whole.hexdigest()


def mistakes_between(outlines: Mapping[str, Outline | None], signals: Signals) -> list[Mistake]:
    """Given the outlines of all files by file, return every mistake between them.

    None stands for a file of which not even the names are known; then a name that is not found may be there.
    """
    known: dict[str, dict[str, tuple[str, Name]]] = {section: {} for section in THINGS}
    present = sorted((file, outline) for file, outline in outlines.items() if outline is not None)
    found: list[Mistake] = []
    for file, outline in present:
        for name in outline.names:
            found += _duplicate(file, name, known)
            known[name.section].setdefault(name.name, (file, name))
    complete = len(present) == len(outlines)
    needs: dict[str, list[str]] = {name: [] for name in known["tasks"]}
    for file, outline in present:
        for reference in outline.references:
            target = TARGETS.get(reference.kind)
            if target is None:
                found += _signal(file, reference, outline, signals)
            elif reference.name not in known[target]:
                if complete:
                    found.append(_unknown(file, reference, known[target], THINGS[target]))
            elif reference.kind == "needs":
                needs[reference.owner].append(reference.name)
    return found + _loops(needs, present)


def _duplicate(file: str, name: Name, known: Mapping[str, Mapping[str, tuple[str, Name]]]) -> list[Mistake]:
    """Return the mistake that a name is, if what was seen before has it already."""
    for section in SHARED if name.section in SHARED else (name.section,):
        if name.name in known[section]:
            first_file, first = known[section][name.name]
            which = f"{'another' if section == name.section else 'a'} {THINGS[section]}"
            wrong = f"{which} of this name is in {first_file}:{first.line}:{first.column}"
            path = dotted((name.section, name.name))
            return [Mistake(file, name.line, name.column, path, wrong, "give one of them another name")]
    return []


def _unknown(file: str, reference: Reference, known: Iterable[str], what: str) -> Mistake:
    wrong = f"unknown {what} {quoted(reference.name)}"
    return _mistake(file, reference, wrong, suggest(reference.name, known, f"{what}s"))


def _signal(file: str, reference: Reference, outline: Outline, signals: Signals) -> list[Mistake]:
    """Return what is wrong with a threshold's signal, or with one of its labels."""
    spec = signals.get(reference.name if reference.kind == "signal" else reference.of)
    if spec is None:
        if reference.kind == "label":
            return []  # the signal is complained of
        wrong = f"unknown signal {quoted(reference.name)}"
        return [_mistake(file, reference, wrong, suggest(reference.name, signals, "signals"))]
    if reference.kind == "label":
        if reference.name in spec.labels:
            return []
        wrong = f"{reference.of} has no label {quoted(reference.name)}"
        return [_mistake(file, reference, wrong, suggest(reference.name, spec.labels, "labels"))]
    given = {other.name for other in outline.references if other.kind == "label" and other.owner == reference.owner}
    return [
        _mistake(file, reference, f"{spec.name} is only measured by {label}", f"add `{label}` to `labels`")
        for label in spec.required
        if label not in given
    ]


def _mistake(file: str, reference: Reference, wrong: str, right: str) -> Mistake:
    return Mistake(file, reference.line, reference.column, reference.path, wrong, right)


def _loops(needs: Mapping[str, Sequence[str]], outlines: Sequence[tuple[str, Outline]]) -> list[Mistake]:
    from agent.rules.needs import loops  # noqa: PLC0415 - as above

    found = []
    for loop in loops(needs):
        file, reference = next(
            (file, reference)
            for file, outline in outlines
            for reference in outline.references
            if reference.kind == "needs" and reference.owner == loop[0] and reference.name == loop[1 % len(loop)]
        )
        way = " needs ".join((*loop, loop[0]))
        found.append(_mistake(file, reference, f"a loop: {way}", "remove one of these needs"))
    return found
