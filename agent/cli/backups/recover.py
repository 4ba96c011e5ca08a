"""`hostkeeper backup recover`: bring everything of a lost host back, from its repository alone."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import datetime

from agent.actions.backup._recovery import Recovered, Recovery, hosts, newest
from agent.cli.backups.place import definition_at, this_host, with_key
from agent.cli.backups.restore import instant
from agent.cli.looking import Nothing, Nowhere
from agent.cli.output import emit_json, harmless, size
from agent.cli.output import instant as shown
from agent.drivers.database import Tools
from agent.drivers.repositories import open_repository
from agent.drivers.repository import Repository
from agent.engine.nothing import NoBackups, NoDiscoveries, NoSamples
from agent.engine.process import StopFlag
from agent.engine.progress import Progress
from agent.errors import BadArgument, ExitCode, NotFound, Refused, RunFailed
from agent.host.clock import SystemClock, local_zone
from agent.host.processes import SystemProcesses
from agent.host.scratch import temporary
from agent.model.backups import Backup
from agent.model.policies import Limits
from agent.ports import Context, StopRequested

_TAKEN = "not_confirmed"
_FEW = 20


def main(arguments: argparse.Namespace) -> int:
    """Bring back the newest good backups of all tasks of a host; needs no policies and no store, and reads neither."""
    stop = StopFlag()
    with temporary() as scratch:
        ctx = _context(stop, scratch)
        tools = Tools(
            processes=ctx.processes,
            clock=ctx.clock,
            stop=ctx.stopping,
            progress=ctx.progress,
            scratch=scratch,
            keep=scratch,
        )
        repository = open_repository(with_key(definition_at(arguments.repository_path), arguments), tools)
        backups = _backups(repository, arguments)
        recovery = Recovery(ctx, repository, os.path.abspath(arguments.to), overwrite=arguments.replace)
        _say(backups, recovery)
        _require_root(arguments.to)
        if arguments.dry_run:
            return ExitCode.OK
        _require_free(recovery, backups, overwrite=arguments.replace)
        stop.listen()
        try:
            found = recovery.recover(backups)
        except StopRequested:
            return ExitCode.INTERRUPTED
        except OSError as error:
            raise RunFailed(f"nothing has changed: {error}") from error
    emit_json([_data(one) for one in found]) if arguments.json else print("\n".join(_told(found)))
    return ExitCode.OK


def _context(stop: StopFlag, scratch: str) -> Context:
    clock = SystemClock()
    return Context(
        task="recover",
        run=0,
        now=clock.now(),
        limits=Limits(),
        clock=clock,
        processes=SystemProcesses(),
        memory=Nothing(),
        objects=Nowhere(),
        ledger=NoBackups(),
        discoveries=NoDiscoveries(),
        samples=NoSamples(),
        host=this_host(),
        place=scratch,
        explain=lambda _judgement: None,
        checkpoint=stop.checkpoint,
        stopping=lambda: stop.raised,
        progress=Progress(sys.stderr, "recover", clock).report,
    )


def _backups(repository: Repository, arguments: argparse.Namespace) -> tuple[Backup, ...]:
    listing = repository.listing()
    known = hosts(listing)
    if not known:
        raise NotFound(f"{arguments.repository_path} has no backup")
    if arguments.host is None and len(known) > 1:
        raise BadArgument(f"{arguments.repository_path} has backups of {', '.join(known)}: say which with --host")
    at = None
    if arguments.at is not None:
        try:
            at = datetime.fromisoformat(instant(arguments.at, local_zone())).timestamp()
        except ValueError as error:
            raise BadArgument(f"{arguments.at!r} is no instant: write one such as 2026-03-01T12:00:00Z") from error
    return newest(listing, arguments.host or known[0], at, SystemClock().now().timestamp())


def _require_root(path: str) -> None:
    """Raise NotFound unless there is a directory to recover into."""
    if not os.path.isdir(path):
        raise NotFound(f"{path} is no directory: make it first, or mount what it is on")


def _require_free(recovery: Recovery, backups: Sequence[Backup], *, overwrite: bool) -> None:
    conflicts = recovery.conflicts(backups)
    if conflicts and not overwrite:
        more = f" and {len(conflicts) - _FEW} more" if len(conflicts) > _FEW else ""
        raise Refused(
            _TAKEN,
            f"{', '.join(conflicts[:_FEW])}{more} are there already: look at them, and add --replace to have each "
            "change places with what was backed up; nothing was touched",
        )


def _say(backups: Sequence[Backup], recovery: Recovery) -> None:
    for backup in backups:
        made = shown(backup.began, local_zone())
        load = recovery.weigh(backup)
        print(
            harmless(
                f"{backup.task} of {backup.host}: {backup.id}, made {made}, {load.items:,} objects, {size(load.bytes)}"
            ),
            file=sys.stderr,
        )


def _data(one: Recovered) -> dict[str, object]:
    return {
        "backup": one.backup.id,
        "task": one.backup.task,
        "files": one.files,
        "paths": list(one.paths),
        "copies": [{"database": part.name, "kind": part.kind, "directory": where} for where, part in one.copies],
        "kept": list(one.kept),
    }


def _told(found: Sequence[Recovered]) -> list[str]:
    lines = []
    for one in found:
        lines.append(f"{one.backup.task}: {one.files:,} files compared, back in {', '.join(one.paths) or 'no path'}")
        lines += [f"  what was there is kept in {kept}" for kept in one.kept]
        lines += [
            f"  the {part.kind} database {part.name} is a file in {where}; once its server is up: hostkeeper backup "
            f"restore {one.backup.id} --task {one.backup.task} --database {part.name}"
            for where, part in one.copies
        ]
    return [harmless(line) for line in lines]
