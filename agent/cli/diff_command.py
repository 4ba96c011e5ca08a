"""`hostkeeper diff`: what a change of policies changes in behaviour."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from datetime import tzinfo

from msgspec import Struct
from msgspec.structs import asdict

from agent.cli.backups.explain import explained
from agent.cli.looking import look
from agent.cli.output import duration, emit_json, harmless, instant, path_text
from agent.cli.replay_command import span_of
from agent.cli.world import World
from agent.engine.coming import days_ahead
from agent.engine.differing import Change, Course, Judged, changes, concerned, courses, judged
from agent.engine.in_force import in_force
from agent.engine.replay import replayed
from agent.errors import AgentError, BadArgument, ExitCode, NotFound
from agent.host.clock import SystemClock
from agent.host.readonly import forbid_writing
from agent.model.actions import Judgement
from agent.model.policies import PolicySet, Task
from agent.probes.catalogue import SIGNALS
from agent.readable import labelled, times
from agent.rules.replay import Episode
from agent.store import Store

SHOWN = 10
"""So many instants, fields and objects of one thing are listed; --json has more of them."""

MOST_OBJECTS = 10_000
"""So many objects of one task are named in --json."""

RETAINS, KEEPS = "files.retain", "backup.create"
"""The actions that decide what stays."""


class Kept(Struct, frozen=True):
    """What the retention of a task would delete by one policy set alone, by name; `error` says why that is not known.

    `more` and `less` count what the new one deletes beyond the old one, and what only the old one deletes.
    """

    task: str
    more: int
    less: int
    deleted: tuple[str, ...] = ()
    spared: tuple[str, ...] = ()
    error: str = ""


def main(arguments: argparse.Namespace) -> int:
    """Compare two policy sets; nothing is changed, and nothing but this host and its repositories is asked."""
    world = World(arguments)
    store = world.store_if_any()
    with store if store is not None else nullcontext():
        old, new = _sets(arguments, world, store)
        found = changes(old, new)
        span, start = span_of(arguments, world), SystemClock().now()
        before, after = (
            days_ahead(store, concerned(one, found), world.zone, world.host_id, start, arguments.days)
            for one in (old, new)
        )
        runs = courses(before, after)
        firings = []
        if store is not None:
            names = {one.name for one in found if one.section in ("thresholds", "probes")}
            firings = judged(*(replayed(store, one, _watching(one, names), span) for one in (old, new)))
        kept = list(_kept(arguments, world, store, (old, new), found))
    if arguments.json:
        emit_json(_data(found, runs, kept, firings))
    else:
        print("\n".join(_text(found, runs, kept, firings, world.zone, arguments.days)))
    return ExitCode.OK


def _sets(arguments: argparse.Namespace, world: World, store: Store | None) -> tuple[PolicySet, PolicySet]:
    """Return the two sets: two directories, or what is in force against one."""
    if len(arguments.directories) > 2:
        raise BadArgument("give at most two directories: the old policies and the new ones")
    loaded = [World(arguments, directory).policies() for directory in arguments.directories] or [world.policies()]
    if len(loaded) == 2:
        return loaded[0], loaded[1]
    if store is None:
        raise NotFound(f"{arguments.state}: no policies were ever in force here; name two directories")
    return in_force(store, SIGNALS), loaded[0]


def _watching(policies: PolicySet, names: Iterable[str]) -> list[str]:
    """Return the thresholds of a set that are among the names, or watch a probe that is."""
    wanted = set(names)
    return sorted(
        name
        for name, threshold in policies.thresholds.items()
        if name in wanted or threshold.signal.partition(".")[0] in wanted
    )


def _kept(
    arguments: argparse.Namespace,
    world: World,
    store: Store | None,
    sets: tuple[PolicySet, PolicySet],
    found: Sequence[Change],
) -> Iterable[Kept]:
    """Yield what becomes of objects and backups by tasks that decide about them and are not as before."""
    changed = sorted({one.name for one in found if one.section == "tasks"})
    deciding = {name: [one.tasks.get(name) for one in sets] for name in changed}
    of_backups = [name for name, tasks in deciding.items() if any(one and one.action == KEEPS for one in tasks)]
    of_files = [name for name, tasks in deciding.items() if any(one and one.action == RETAINS for one in tasks)]
    for name in dict.fromkeys([*of_backups, None, *of_files]):
        if name is None:
            # Looking into repositories takes a scratch directory; from here on nothing can be written any more.
            forbid_writing((os.devnull,))
            continue
        tasks = deciding[name]
        try:
            old, new = (_deleted(arguments, world, store, *pair) for pair in zip(tasks, sets, strict=True))
        except AgentError as error:
            yield Kept(name, 0, 0, error=str(error))
            continue
        more, less = sorted(new - old), sorted(old - new)
        if more or less:
            yield Kept(name, len(more), len(less), tuple(more[:MOST_OBJECTS]), tuple(less[:MOST_OBJECTS]))


def _deleted(
    arguments: argparse.Namespace, world: World, store: Store | None, task: Task | None, policies: PolicySet
) -> set[str]:
    """Return what a run of a task would delete now; nothing if there is no such task, or it is not enabled."""
    if task is None or not task.enabled:
        return set()
    if task.action == KEEPS:
        if not json.loads(task.options)["keep"]:
            return set()
        decided = explained(task, world, SystemClock().now().timestamp())
        return set() if decided.refusal else {one.backup.id for one in decided.decisions if not one.kept}
    if task.action != RETAINS:
        return set()
    deleted: set[str] = set()

    def hear(judgement: Judgement) -> None:
        if judgement.deleted:
            deleted.add(path_text(judgement.target))

    look(task, policies, store, SystemClock().now(), arguments.state, hear, write=True)
    return deleted


def _data(
    found: Sequence[Change], runs: Sequence[Course], kept: Sequence[Kept], firings: Sequence[Judged]
) -> Mapping[str, object]:
    thresholds = [{**asdict(one), "series": dict(one.series)} for one in firings]
    return {
        "changes": [asdict(one) for one in found],
        "runs": [asdict(one) for one in runs],
        "retention": [asdict(one) for one in kept],
        "thresholds": thresholds,
    }


def _text(
    found: Sequence[Change],
    runs: Sequence[Course],
    kept: Sequence[Kept],
    firings: Sequence[Judged],
    zone: tzinfo,
    days: int,
) -> list[str]:
    if not found:
        return ["nothing differs"]
    lines = ["what differs"]
    for change in found:
        how = "new" if change.added else "gone" if change.removed else "changed"
        lines.append(f"  {change.section} {harmless(change.name)}: {how}")
        fields = list(change.fields.items())
        lines += [f"    {path}: {_shown(old)} -> {_shown(new)}" for path, (old, new) in fields[:SHOWN]]
        lines += _more(len(fields) - SHOWN, "fields", "    ")
    lines += ["", f"runs of the next {days} days"]
    lines += [line for run in runs for line in _run(run, zone)] or ["  the same"]
    lines += ["", "what would be deleted now"]
    lines += [line for one in kept for line in _objects(one)] or ["  the same"]
    lines += ["", "what thresholds would have done over recorded signals"]
    lines += [f"  {_firing(one)}" for one in firings] or ["  the same, as far as anything is recorded"]
    return lines


def _shown(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = harmless(json.dumps(value, ensure_ascii=False, default=str))
    return text if len(text) <= 120 else f"{text[:117]}..."


def _more(number: int, what: str, indent: str) -> list[str]:
    return [f"{indent}and {number} more {what}"] if number > 0 else []


def _run(run: Course, zone: tzinfo) -> list[str]:
    until = "" if run.until is None else f" up to {instant(run.until, zone)}, and there are more"
    lines = [f"  {run.task}: {run.before} before, {run.after} now{until}"]
    for words, instants in (("no longer at", run.only_before), ("now at", run.only_after)):
        if instants:
            shown = ", ".join(instant(at, zone) for at in instants[:3])
            more = f" and {len(instants) - 3} more" if len(instants) > 3 else ""
            lines.append(f"    {words} {shown}{more}")
    return lines


def _objects(one: Kept) -> list[str]:
    if one.error:
        return [f"  {one.task}: not known: {harmless(one.error)}"]
    lines = [f"  {one.task}: {one.more} more, {one.less} less"]
    for sign, names in (("+", one.deleted), ("-", one.spared)):
        lines += [f"    {sign} {name}" for name in names[:SHOWN]]
        lines += _more(len(names) - SHOWN, "of them", f"    {sign} ")
    return lines


def _firing(one: Judged) -> str:
    what = f"{one.threshold} {labelled(one.series)}".rstrip()
    return f"{what}: {_episodes(one.before)} before, {_episodes(one.after)} now"


def _episodes(episodes: tuple[Episode, ...] | None) -> str:
    if episodes is None:
        return "not judged"
    lasted = sum(one.cleared - one.fired for one in episodes if one.cleared is not None)
    still = ", still firing" if any(one.cleared is None for one in episodes) else ""
    return f"fired {times(len(episodes))} ({duration(lasted)}{still})"
