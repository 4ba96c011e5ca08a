"""`hostkeeper backup recover`: bring everything of a lost host back, from its repository alone."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import datetime

from agent.actions.backup._begun import Recovered
from agent.actions.backup._lost import hosts, newest, passed_over
from agent.actions.backup._recovery import Recovery
from agent.cli.backups.place import named_by_itself, this_host, with_key
from agent.cli.backups.restore import instant
from agent.cli.looking import Nothing, Nowhere
from agent.cli.output import emit_json, harmless, size
from agent.cli.output import instant as shown
from agent.cli.world import World
from agent.drivers.database import Tools
from agent.drivers.repositories import open_repository
from agent.drivers.repository import Damaged, Repository
from agent.engine.nothing import NoBackups, NoDiscoveries, NoSamples
from agent.engine.process import StopFlag
from agent.engine.progress import Progress, clear
from agent.errors import AgentError, BadArgument, ExitCode, NotFound, Refused, RunFailed
from agent.host import heads
from agent.host.clock import SystemClock, local_zone
from agent.host.processes import SystemProcesses
from agent.host.scratch import temporary
from agent.model.backups import Backup
from agent.model.policies import Limits
from agent.policy.nearest import suggest
from agent.ports import Context, StopRequested
from agent.store.connection import DATABASE_NAME

_TAKEN = "not_confirmed"
_FEW = 20


def main(arguments: argparse.Namespace) -> int:
    """Bring back the newest good backups of all tasks of a host; needs no policies and no store, and reads neither."""
    definition = named_by_itself(arguments)
    assert definition is not None
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
        repository = open_repository(with_key(definition, arguments), tools)
        backups = _backups(repository, arguments)
        root = os.path.abspath(arguments.to)
        _require_root(root)
        recovery = Recovery(ctx, repository, root, overwrite=arguments.replace, own=_own(arguments, root))
        _say(backups, recovery)
        _require_free(recovery, backups, overwrite=arguments.replace)
        if arguments.dry_run:
            return ExitCode.OK
        stop.listen()
        try:
            found = recovery.recover(backups)
        except StopRequested:
            return ExitCode.INTERRUPTED
        except Damaged as error:
            raise Damaged(f"nothing has changed: {error}; --at WHEN takes the backups as they stood before") from error
        except OSError as error:
            raise RunFailed(f"nothing has changed: {error}") from error
        finally:
            clear(sys.stderr)
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
    where = arguments.repository_path or repository.name
    listing = repository.listing(arguments.host or "")
    known = hosts(listing)
    if arguments.host is not None and not known:
        there = hosts(repository.listing())
        if there:
            raise NotFound(f"{where} has no backup of {arguments.host!r}: {suggest(arguments.host, there, 'hosts')}")
    if not known:
        raise NotFound(f"{where} has no backup")
    if arguments.host is None and len(known) > 1:
        raise BadArgument(f"{where} has backups of {', '.join(known)}: say which with --host")
    until = _until(arguments.at)
    found = newest(listing, known[0], until, SystemClock().now().timestamp())
    for sentence in passed_over(listing, known[0], found, until):
        print(harmless(sentence), file=sys.stderr)
    return found


def _until(when: str | None) -> float | None:
    """Given an argument, return the instant that it is. Raises BadArgument."""
    if when is None:
        return None
    try:
        return datetime.fromisoformat(instant(when, local_zone())).timestamp()
    except ValueError as error:
        raise BadArgument(f"{when!r} is no instant: write one such as 2026-03-01T12:00:00Z") from error


def _own(arguments: argparse.Namespace, root: str) -> dict[str, tuple[str, ...]]:
    """Return what belongs to the agent of this host, if it has never run anything and has no task, and what goes along.

    Such a one was installed to recover the host that is gone, and gives way to what that had.
    """
    world = World(arguments)
    try:
        store = world.store_if_any() if root == "/" else None
        if store is not None:
            with store:
                if store.runs.recent(1):
                    return {}
        if root != "/" or world.policies().tasks:
            return {}
    except AgentError:
        return {}
    places = [os.path.abspath(place) for place in (arguments.policies, arguments.config)]
    above = os.path.dirname(places[0])
    if all(os.path.join(above, name) in places for name in os.listdir(above)):
        places.append(above)
    state = os.path.abspath(arguments.state)
    # Heads of another history would make the one that comes back look forged.
    known = tuple(os.path.join(state, name) for name in (heads.NAME, heads.EARLIER))
    return {**dict.fromkeys(places, ()), os.path.join(state, DATABASE_NAME): known}


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
    for backup in backups:
        recovery.require_closed(backup)
    recovery.require_room(backups)


def _say(backups: Sequence[Backup], recovery: Recovery) -> None:
    overlaps = recovery.overlaps(backups)
    for backup in backups:
        made = shown(backup.began, local_zone())
        load = recovery.weigh(backup)
        print(
            harmless(
                f"{backup.task} of {backup.host}: {backup.id}, made {made}, {load.items:,} objects, {size(load.bytes)}"
            ),
            file=sys.stderr,
        )
    for sentence in overlaps:
        print(harmless(sentence), file=sys.stderr)


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
        # A new host may have another name, and looks for its own backups first.
        host = "" if one.backup.host == this_host() else f" --host {one.backup.host}"
        lines.append(f"{one.backup.task}: {one.files:,} files compared, back in {', '.join(one.paths) or 'no path'}")
        lines += [f"  what was there is kept in {kept}" for kept in one.kept]
        lines += [
            f"  the {part.kind} database {part.name} is a file in {where}; once its server is up: hostkeeper backup "
            f"restore {one.backup.id} --task {one.backup.task} --database {part.name}{host}"
            for where, part in one.copies
        ]
    return [harmless(line) for line in lines]
