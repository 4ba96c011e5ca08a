"""`hostkeeper backup explain`: which backups the rules of `keep` keep, which they would remove, and why."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator

from msgspec import Struct

from agent.actions.backup._clock import suspicion
from agent.actions.backup._refusing import history_of, refusal_of
from agent.actions.backup._series import series_known
from agent.cli.backups.list import short
from agent.cli.backups.place import CREATES, this_host, tools
from agent.cli.output import ago, columns, emit_json, harmless, instant, table
from agent.cli.world import World
from agent.drivers.repositories import open_repository
from agent.errors import ExitCode, NotFound
from agent.host.clock import SystemClock, local_zone
from agent.host.timekeeping import synchronised
from agent.model.policies import PolicySet, Task
from agent.rules.buckets import BUCKETS, Keep
from agent.rules.keep import Decision, Standing, decide
from agent.rules.safeguards import Refusal
from agent.trigger import zone


class Explained(Struct, frozen=True):
    """What the rules decide about the backups of a task, and why a run would remove nothing all the same, if so."""

    task: Task
    decisions: tuple[Decision, ...]
    refusal: Refusal | None


def main(arguments: argparse.Namespace) -> int:
    """Say of each backup of each task what becomes of it, as things stand now; remove nothing."""
    world = World(arguments)
    now = SystemClock().now().timestamp()
    found = [explained(task, world, now) for task in _tasks(world, world.policies(), arguments.task)]
    if arguments.json:
        emit_json([_data(one) for one in found])
        return ExitCode.OK
    print("\n".join(line for one in found for line in _lines(one, world, now)))
    return ExitCode.OK


def _tasks(world: World, policies: PolicySet, name: str | None) -> list[Task]:
    wanted = [world.task(policies, name)] if name is not None else list(policies.tasks.values())
    keeping = [task for task in wanted if task.action == CREATES and json.loads(task.options)["keep"]]
    if not keeping:
        raise NotFound("no such task makes backups and has a `keep`: all that there is stays")
    return keeping


def explained(task: Task, world: World, now: float) -> Explained:
    """Given a task that makes backups, look into its repository and decide about each backup. Raises RunFailed."""
    options = json.loads(task.options)
    with tools() as made:
        repository = open_repository(options["repository"], made)
        listing = repository.listing(this_host(), task.name)
    local = zone(options["timezone"], local_zone())  # as a run has it, which knows no settings
    keep = {name: options["keep"][name] or 0 for name in BUCKETS}
    rule = Keep(**keep, within=options["keep"]["within"])
    store = world.store_if_any()
    if store is None:
        standing = Standing(proofs={}, verifications={})
        decisions = decide(listing.backups, rule, local, now, standing)
        refusal = refusal_of(decisions, suspect="", vanished=(), limits=task.limits, history=())
        return Explained(task, decisions, refusal)
    with store:
        memory = store.memory(task.name)
        series = series_known(repository.name, listing, store.ledger, memory, task.name)
        suspect = ""
        if options["suspect_clock"] == "refuse":
            suspect = suspicion(now, memory, SystemClock(), synchronised=synchronised())
        history = history_of(memory) if options["beyond_history"] == "refuse" else ()
    decisions = decide(series.backups, rule, local, now, series.standing, suspect)
    vanished = series.vanished if options["vanished"] == "refuse" else ()
    refusal = refusal_of(decisions, suspect=suspect, vanished=vanished, limits=task.limits, history=history)
    return Explained(task, decisions, refusal)


def _data(found: Explained) -> dict[str, object]:
    reason, why = found.refusal or (None, "")
    backups = [
        {
            "backup": one.backup.id,
            "began": one.backup.began,
            "kept": one.kept,
            "reason": one.reason,
            "detail": one.detail,
        }
        for one in found.decisions
    ]
    return {"task": found.task.name, "refused": reason, "why": why, "backups": backups}


def _lines(found: Explained, world: World, now: float) -> Iterator[str]:
    name, decisions = found.task.name, found.decisions
    removed = sum(not one.kept for one in decisions)
    if found.refusal is None:
        yield f"{name}: {len(decisions) - removed} kept, {removed} would be removed"
    else:
        reason, why = found.refusal
        yield harmless(f"{name}: a run would remove nothing ({reason}): {why}")
        yield f"by the rules alone: {len(decisions) - removed} kept, {removed} removed"
    if decisions:
        ids = [one.backup.id for one in decisions]
        rows = [
            (
                "keep" if one.kept else "remove",
                short(one.backup.id, ids),
                str(one.backup.level),
                instant(one.backup.began, world.zone),
                ago(one.backup.began, now),
                str(one.reason),
                harmless(one.detail) or "-",
            )
            for one in decisions
        ]
        yield table(("", "id", "level", "made", "age", "why", "detail"), rows, columns(), ("made", "level"))
    yield ""
