"""`hostkeeper backup find`: which backups have a file."""

from __future__ import annotations

import argparse
import os
import posixpath
import sys
from collections.abc import Callable, Iterable

from agent.cli.backups.list import short
from agent.cli.backups.place import Place, places
from agent.cli.backups.show import entry_data
from agent.cli.output import emit_json, harmless, instant, path_text, size, table
from agent.cli.world import World
from agent.drivers.repository import ListingFailed
from agent.errors import BadArgument, ExitCode, NotFound, RunFailed
from agent.model.backups import Backup, Entry
from agent.rules.patterns import Patterns


def main(arguments: argparse.Namespace) -> int:
    """Print each object of each backup that the pattern fits; exit code 8 when none does, 4 when one cannot be read.

    With --json that is one document: what was found, or why nothing was.
    """
    world = World(arguments)
    fits = fitting(arguments.pattern)
    with places(arguments, world) as looked:
        found, closed = _searched(looked, fits)
    more = f", and {len(closed) - 1} more" if len(closed) > 1 else ""
    unread = f"not everything could be searched: {closed[0]}{more}" if closed else ""
    if arguments.json and found:
        emit_json([{"backup": backup.id, "task": backup.task, **entry_data(entry)} for backup, entry in found])
    elif found:
        ids = list({backup.id for backup, _ in found})
        rows = [
            (
                short(backup.id, ids),
                backup.task,
                instant(entry.modified, world.zone),
                size(entry.size),
                entry.kind,
                path_text(entry.path),
            )
            for backup, entry in sorted(found, key=lambda one: (one[1].path, one[0].began))
        ]
        print(table(("backup", "task", "modified", "size", "kind", "path"), rows))
    if unread and arguments.json and found:
        print(harmless(unread), file=sys.stderr)
        return ExitCode.RUN_FAILED
    if unread:
        raise RunFailed(unread)
    if not found:
        raise NotFound(f"no backup has anything that fits {arguments.pattern!r}")
    return ExitCode.OK


def _searched(looked: Iterable[Place], fits: Callable[[str], bool]) -> tuple[list[tuple[Backup, Entry]], list[str]]:
    """Return what fits, and a sentence for each repository and each backup that cannot be read."""
    found: list[tuple[Backup, Entry]] = []
    closed: list[str] = []
    for place in looked:
        try:
            listed = place.repository.listing(place.host, place.task).backups
        except ListingFailed as error:
            closed.append(f"all of {place.repository.name}: {error}")
            continue
        for backup in listed:
            try:
                entries = place.repository.entries(backup)
                found += [(backup, entry) for entry in entries if fits(os.fsdecode(entry.path))]
            except RunFailed as error:
                closed.append(f"{backup.id} of {backup.task}: {error}")
    return found, closed


def fitting(pattern: str) -> Callable[[str], bool]:
    """Given a pattern, return what says of an absolute path whether it fits. Raises BadArgument.

    An absolute one fits the whole path, one with slashes its end, one without them its name.
    """
    if not pattern.strip("/"):
        raise BadArgument("the pattern is empty: give a name such as 'logo.png' or a path such as '/srv/shop/**'")
    plain = pattern.rstrip("/") if not any(mark in pattern for mark in "*?[") else ""
    if plain.startswith("/"):
        return plain.__eq__
    anchored = pattern.lstrip("/") if pattern.startswith("/") else f"**/{pattern}"
    patterns = Patterns([anchored] if "/" in anchored else [f"/{anchored}"])

    def fits(path: str) -> bool:
        directory, name = posixpath.split(path.lstrip("/"))
        return bool(patterns.within(directory)(name))

    return fits
