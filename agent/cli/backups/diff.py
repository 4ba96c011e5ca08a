"""`hostkeeper backup diff`: what came, changed and went between two backups."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from agent.cli.backups.choose import choose
from agent.cli.backups.place import places
from agent.cli.output import emit_json, path_text
from agent.cli.world import World
from agent.errors import ExitCode
from agent.model.backups import Backup, Entry, Part

_LINKED = "hard link"


class Change(Struct, frozen=True):
    """One path and what became of it: `added`, `removed` or `changed`, and which of its qualities are others."""

    path: bytes
    what: str
    details: tuple[str, ...] = ()


def main(arguments: argparse.Namespace) -> int:
    """Compare two backups path by path, and their databases table by table."""
    world = World(arguments)
    with places(arguments, world) as looked:
        old, new = (choose(looked, wanted, world) for wanted in (arguments.old, arguments.new))
        changes = compare(old.repository.entries(old.backup), new.repository.entries(new.backup))
    rows = _rows(old.backup, new.backup)
    if arguments.json:
        shown = [{"path": os.fsdecode(one.path), "what": one.what, "details": one.details} for one in changes]
        emit_json({"old": old.backup.id, "new": new.backup.id, "changes": shown, "databases": rows})
        return ExitCode.OK
    marks = {"added": "+", "removed": "-", "changed": "M"}
    for change in changes:
        details = f" ({', '.join(change.details)})" if change.details else ""
        print(f"{marks[change.what]} {path_text(change.path)}{details}")
    for name, tables in rows.items():
        for table, (before, after) in tables.items():
            print(f"M {path_text(os.fsencode(f'{name}.{table}'))} ({before} rows, then {after})")
    if not changes and not rows:
        print("nothing has changed")
    return ExitCode.OK


def compare(old: Iterable[Entry], new: Iterable[Entry]) -> list[Change]:
    """Given the objects of two backups, return what is different in the second, by path."""
    before, after = _by_path(old), _by_path(new)
    changes = []
    for entry in after.values():
        was = before.pop(entry.path, None)
        if was is None:
            changes.append(Change(entry.path, "added"))
        elif details := _differences(was, entry):
            changes.append(Change(entry.path, "changed", details))
    changes += [Change(path, "removed") for path in before]
    return sorted(changes, key=lambda change: change.path)


def _by_path(entries: Iterable[Entry]) -> dict[bytes, Entry]:
    """Return objects by path; of the names of one file, the first by spelling leads, whichever did in the backup."""
    found = {entry.path: entry for entry in entries}
    names: dict[bytes, list[bytes]] = {}
    for entry in found.values():
        if entry.kind == _LINKED and entry.target in found:
            names.setdefault(entry.target, [entry.target]).append(entry.path)
    for leader, mine in names.items():
        first = min(mine)
        for path in mine:
            target = b"" if path == first else first
            found[path] = replace(found[leader], path=path, target=target)
    return found


def _differences(old: Entry, new: Entry) -> tuple[str, ...]:
    """Return what is different; a directory's time changes with what is in it, and says nothing of its own."""
    names = ["kind", "mode", "uid", "gid", "target"]
    if new.kind != "directory":
        names += ["size"] + (["sha256"] if old.sha256 and new.sha256 else []) + ["modified"]
    return tuple(name for name in names if getattr(old, name) != getattr(new, name))


def _rows(old: Backup, new: Backup) -> dict[str, dict[str, tuple[str, str]]]:
    """Return, by database and table, what the rows were and are, where they are others."""
    before = {part.name: _counts(part) for part in old.parts}
    after = {part.name: _counts(part) for part in new.parts}
    found: dict[str, dict[str, tuple[str, str]]] = {}
    for name in sorted(before.keys() | after.keys()):
        was, now = before.get(name, {}), after.get(name, {})
        tables = {
            table: (was.get(table, "no"), now.get(table, "no"))
            for table in sorted(was.keys() | now.keys())
            if was.get(table) != now.get(table)
        }
        if tables:
            found[name] = tables
    return found


def _counts(part: Part) -> dict[str, str]:
    between = {name: f"{least} to {most}" for name, (least, most) in part.bounds.items()}
    return {**between, **{name: str(rows) for name, rows in part.counts.items()}}
