"""Paths that several backups of a host have: which of them brings one back, and in what order they do."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from agent.model.backups import Backup, Entry

Key = tuple[str, str]
"""A backup among those of a host: its task and its id."""

Tops = Mapping[Key, Sequence[str]]
"""By backup, the paths that it has whole. None of a backup lies in another of the same one."""


Kept = Collection[tuple[Key, str]]
"""Paths, with their backup, that come back whatever others have of them."""


class Share(Struct, frozen=True):
    """What of a backup comes back in one go: paths that lie in so many (`level`) paths of others."""

    backup: Backup
    level: int
    tops: tuple[str, ...]


def shares(backups: Iterable[Backup], tops: Tops, kept: Kept = frozenset()) -> tuple[Share, ...]:
    """Given what backups bring back, return it in an order in which nothing takes the place of what lies in it.

    What is `kept` comes after what others have at the same path.
    """
    tasks: dict[str, set[str]] = defaultdict(set)
    for (task, _), mine in tops.items():
        for top in mine:
            tasks[top].add(task)
    found: list[Share] = []
    for backup in backups:
        levels: dict[int, list[str]] = {}
        for top in tops[key(backup)]:
            around = [*_above(top), *((top,) if (key(backup), top) in kept else ())]
            level = sum(len(tasks.get(above, set()) - {backup.task}) for above in around)
            levels.setdefault(level, []).append(top)
        found += [Share(backup, level, tuple(mine)) for level, mine in (levels or {0: []}).items()]
    return tuple(sorted(found, key=lambda one: (one.level, one.backup.began, one.backup.task)))


def superseded(
    backups: Sequence[Backup],
    tops: Tops,
    entries: Callable[[Backup], Iterable[Entry]],
    kept: Kept,
) -> dict[Key, dict[str, Backup]]:
    """Return by backup the paths that a newer one brings back in its stead, and which one that is.

    A newer one does so if it has more at or below a path than directories: where it leaves a path out, an empty one may
    be left.
    """
    found: dict[Key, dict[str, Backup]] = defaultdict(dict)
    for newer in sorted(backups, key=lambda one: one.began, reverse=True):
        mine = set(tops[key(newer)]) - found[key(newer)].keys()
        asked = [
            (key(one), top)
            for one in backups
            if one.began < newer.began
            for top in tops[key(one)]
            if (key(one), top) not in kept and top not in found[key(one)] and not mine.isdisjoint((top, *_above(top)))
        ]
        there = _filled({top for _, top in asked}, entries(newer)) if asked else set()
        for one, top in asked:
            if top in there:
                found[one][top] = newer
    return {one: mine for one, mine in found.items() if mine}


def _filled(tops: set[str], entries: Iterable[Entry]) -> set[str]:
    """Return those of some paths at or below which there is something that is no directory."""
    missing = set(tops)
    for entry in entries:
        if entry.kind != "directory":
            path = os.fsdecode(entry.path)
            missing.difference_update((path, *_above(path)))
        if not missing:
            break
    return tops - missing


def key(backup: Backup) -> Key:
    """Return what names a backup among those of a host."""
    return backup.task, backup.id


def _above(path: str) -> Iterator[str]:
    """Yield the paths above one, the nearest first."""
    while (above := os.path.dirname(path)) != path:
        yield above
        path = above
