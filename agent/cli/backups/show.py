"""`hostkeeper backup show`: one backup, with its parts, what restores it, and what is known of its worth."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from datetime import tzinfo

from agent.cli.backups.choose import Chosen, choose
from agent.cli.backups.list import data
from agent.cli.backups.place import Known, known_of, places
from agent.cli.output import duration, emit_json, harmless, instant, path_text, size
from agent.cli.world import World
from agent.errors import ExitCode, RunFailed
from agent.model.backups import Backup, Entry, Part
from agent.rules.chains import chain


def main(arguments: argparse.Namespace) -> int:
    """Show a backup; exit code 8 when there is none of that id."""
    world = World(arguments)
    with places(arguments, world) as looked:
        chosen = choose(looked, arguments.id, world)
        known = known_of(world, chosen.repository.name)
        builds_on, broken = _chain(chosen)
        entries = list(chosen.repository.entries(chosen.backup)) if arguments.files else None
    if arguments.json:
        files = {} if entries is None else {"entries": [entry_data(one) for one in entries]}
        emit_json({**data(chosen.backup, known, chosen.listing), "chain": builds_on, "broken": broken, **files})
        return ExitCode.OK
    print("\n".join(_lines(chosen.backup, known, builds_on, broken, world.zone)))
    for entry in entries or ():
        print(entry_line(entry, world.zone))
    return ExitCode.OK


def _chain(chosen: Chosen) -> tuple[list[str], str]:
    try:
        return [one.id for one in chain(chosen.listing, chosen.backup.id)], ""
    except RunFailed as error:
        return [], str(error)


def entry_data(entry: Entry) -> dict[str, object]:
    """Given an object in a backup, return it for `--json`; bytes that are no UTF-8 are surrogates of Python's."""
    return {
        "path": entry.path.decode(errors="surrogateescape"),
        "kind": entry.kind,
        "mode": f"{entry.mode:04o}",
        "uid": entry.uid,
        "gid": entry.gid,
        "size": entry.size,
        "modified": entry.modified,
        "sha256": entry.sha256,
        "target": entry.target.decode(errors="surrogateescape"),
    }


def entry_line(entry: Entry, zone: tzinfo) -> str:
    """Given an object in a backup, return one line about it."""
    leads = f" -> {path_text(entry.target)}" if entry.target else ""
    owner = f"{entry.uid}:{entry.gid}"
    when = instant(entry.modified, zone)
    return f"{entry.kind:<9} {entry.mode:04o} {owner:>11} {size(entry.size):>9} {when} {path_text(entry.path)}{leads}"


def _lines(backup: Backup, known: Known, builds_on: list[str], broken: str, zone: tzinfo) -> Iterator[str]:
    proof, verified = known.proofs.get(backup.id), known.verifications.get(backup.id)
    proven = "never" if proof is None else f"{instant(proof.at, zone)}, restored in {duration(proof.seconds)}"
    if known.standing.damaged(backup.id):
        proven = "no: it is damaged" if proof is None else f"no more: found damaged after {instant(proof.at, zone)}"
    depth = "" if verified is None else "every byte" if verified.deep else "structure"
    head = (
        ("id", backup.id),
        ("repository", backup.repository),
        ("host", backup.host),
        ("task", backup.task),
        ("level", str(backup.level)),
        ("began", instant(backup.began, zone)),
        ("took", duration(backup.ended - backup.began)),
        ("read", size(backup.bytes)),
        ("stored", size(backup.stored)),
        ("files", f"{backup.files:,}"),
        ("restored by", " + ".join(builds_on) or f"nothing: {broken}"),
        ("proven", proven),
        ("verified", f"{instant(verified.at, zone)}, {depth}" if verified else "not since it was made"),
        ("made by", backup.version or "-"),
    )
    yield from (f"{name:<11} {harmless(value)}" for name, value in head)
    for part in backup.parts:
        yield from ("", *_part(part))
    yield from (f"! {harmless(flaw)}" for flaw in known.flaws(backup))


def _part(part: Part) -> Iterator[str]:
    yield harmless(f"{part.kind} {part.name}: {part.form}, {size(part.bytes)} read, {size(part.stored)} stored")
    yield from (harmless(f"  {name} {value}") for name, value in part.facts.items())
    yield from (harmless(f"  {table}: {rows:,} rows") for table, rows in part.counts.items())
    yield from (harmless(f"  {table}: {least:,} to {most:,} rows") for table, (least, most) in part.bounds.items())
