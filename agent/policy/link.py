"""All files together: from fragments to the policy set, or to every mistake between files. Pure."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence

from agent.digests import sha256
from agent.errors import Mistake, PolicyError
from agent.model.policies import PolicySet, Task, Threshold, Window
from agent.model.signals import Signals
from agent.policy.completing import complete, defined
from agent.policy.fragments import Fragment, Outline
from agent.policy.notifier import notifiers_of
from agent.policy.probe import probes_of
from agent.probes.catalogue import group_of
from agent.probes.offered import fits, kinds_of, signal_of

__all__ = ["Signals", "digest_of", "fitted", "link", "misfits", "mistakes_between"]


def link(fragments: Mapping[str, Fragment], signals: Signals) -> PolicySet:
    """Given the fragments of all files by file name, return the policy set.

    Raises PolicyError with every mistake, which needs every fragment's outline.
    """
    policies = fitted(fragments, signals)
    if policies is None:
        raise PolicyError(misfits({fragment.file: fragment.outline for fragment in fragments.values()}, signals))
    return policies


def mistakes_between(outlines: Mapping[str, Outline | None], signals: Signals) -> list[Mistake]:
    """Given the outlines of all files by file, None where there is none, return the mistakes between them."""
    # What words them is imported when there are any.
    from agent.policy import between  # noqa: PLC0415

    return between.mistakes_between(outlines, signals)


def misfits(outlines: Mapping[str, Outline | None], signals: Signals) -> list[Mistake]:
    """Given the outlines of files that do not fit together, return why, at least one mistake."""
    found = mistakes_between(outlines, signals)
    if found:
        return found
    # An outline that can no longer be had, because its file has changed since, is the only way to come here.
    file = min(outlines, default="")
    return [Mistake(file, 0, 0, "", "the policy files do not fit together", "look at them again")]


def fitted(fragments: Mapping[str, Fragment], signals: Signals) -> PolicySet | None:
    """Given the fragments of all files by file name, return the policy set, or None if there is any mistake."""
    windows: dict[str, Window] = {}
    tasks: dict[str, Task] = {}
    thresholds: dict[str, Threshold] = {}
    probing = {probe.name: probe.kind for fragment in fragments.values() for probe in fragment.probes}
    things = 0
    for name in sorted(fragments):
        fragment = fragments[name]
        things += len(fragment.windows) + len(fragment.tasks) + len(fragment.thresholds)
        for window in fragment.windows:
            windows[window.name] = window
        for task in fragment.tasks:
            tasks[task.name] = task
        for threshold in fragment.thresholds:
            thresholds[threshold.name] = threshold
    known = defined(fragments)
    if known is None or things != len(windows) + len(tasks | thresholds):
        return None
    if not (_named(tasks.values(), windows, tasks, thresholds) and _reacting(thresholds, tasks)):
        return None
    kinds = kinds_of(probing, {task.name: task.action for task in tasks.values()})
    if not all(_measurable(threshold, signals, kinds) for threshold in thresholds.values()):
        return None
    notifiers = notifiers_of(fragments.values(), tasks.values(), thresholds.values())
    if _has_loops({task.name: task.needs for task in tasks.values() if task.needs}):
        return None
    probes = probes_of(fragments.values(), known.databases, map(group_of, signals)) if probing else {}
    if notifiers is None or probes is None or not complete(tasks, known):
        return None
    digest = digest_of({name: fragment.digest for name, fragment in fragments.items()})
    others = (known.databases, known.repositories, probes, notifiers)
    return PolicySet(digest, len(fragments), windows, tasks, thresholds, *others)


def _named(
    tasks: Iterable[Task],
    windows: Mapping[str, Window],
    known: Mapping[str, Task],
    thresholds: Mapping[str, Threshold],
) -> bool:
    for task in tasks:
        if task.window is not None and task.window not in windows:
            return False
        if task.needs and not all(need in known for need in task.needs):
            return False
        if task.mutes and not all(name in thresholds for name in task.mutes):
            return False
    return True


def _reacting(thresholds: Mapping[str, Threshold], tasks: Mapping[str, Task]) -> bool:
    """Tell whether there is every task that thresholds name, and every parent, and none is its own ancestor."""
    for threshold in thresholds.values():
        if not all(name in tasks for name in (*threshold.run, *(step.run for step in threshold.runbook if step.run))):
            return False
        if not all(name in thresholds for name in threshold.parents):
            return False
    return not _has_loops({one.name: one.parents for one in thresholds.values() if one.parents})


def _measurable(threshold: Threshold, signals: Signals, kinds: Mapping[str, str]) -> bool:
    spec = signals.get(threshold.signal) or signal_of(threshold.signal, kinds)
    return spec is not None and fits(spec, threshold.labels)


def _has_loops(needs: Mapping[str, Sequence[str]]) -> bool:
    if not needs:
        return False
    from agent.rules.needs import loops  # noqa: PLC0415 - it brings all of scheduling along

    return bool(loops(needs))


def digest_of(digests: Mapping[str, str]) -> str:
    """Given the digests of all files' bytes by file name, return the digest that names exactly this set."""
    lines = [f"{name}\0{digests[name]}\n" for name in sorted(digests)]
    return sha256(os.fsencode("".join(lines))).hexdigest()
