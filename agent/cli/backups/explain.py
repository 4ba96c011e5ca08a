"""`hostkeeper backup explain`: which backups the rules of `keep` keep, which they would remove, and why."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from datetime import datetime

from agent.cli.backups.list import short
from agent.cli.backups.place import CREATES, known_of, this_host, tools
from agent.cli.output import ago, emit_json, harmless, instant, table
from agent.cli.world import World
from agent.drivers.repositories import open_repository
from agent.errors import ExitCode, NotFound
from agent.host.clock import SystemClock, local_zone
from agent.model.policies import PolicySet, Task
from agent.rules.buckets import BUCKETS, Keep
from agent.rules.keep import Decision, Standing, decide
from agent.trigger import zone


def main(arguments: argparse.Namespace) -> int:
    """Say of each backup of each task what becomes of it, as things stand now; remove nothing."""
    world = World(arguments)
    now = SystemClock().now()
    found = [(task, _decisions(task, world, now)) for task in _tasks(world, world.policies(), arguments.task)]
    if arguments.json:
        emit_json([{"task": task.name, "backups": [_data(one) for one in made]} for task, made in found])
        return ExitCode.OK
    print("\n".join(line for task, made in found for line in _lines(task, made, world, now.timestamp())))
    return ExitCode.OK


def _tasks(world: World, policies: PolicySet, name: str | None) -> list[Task]:
    wanted = [world.task(policies, name)] if name is not None else list(policies.tasks.values())
    keeping = [task for task in wanted if task.action == CREATES and json.loads(task.options)["keep"]]
    if not keeping:
        raise NotFound("no such task makes backups and has a `keep`: all that there is stays")
    return keeping


def _decisions(task: Task, world: World, now: datetime) -> tuple[Decision, ...]:
    options = json.loads(task.options)
    with tools() as made:
        repository = open_repository(options["repository"], made)
        listing = repository.listing(this_host(), task.name)
    known = known_of(world, repository.name)
    store = world.store_if_any()
    mine: frozenset[str] = frozenset()
    if store is not None:
        with store:
            mine = frozenset(one.id for one in store.ledger.known(repository.name, task.name))
    standing = Standing(proofs=known.proofs, verifications=known.verifications, known=mine)
    local = zone(options["timezone"], local_zone())  # as a run has it, which knows no settings
    keep = {name: options["keep"][name] or 0 for name in BUCKETS}
    rule = Keep(**keep, within=options["keep"]["within"])
    return decide(listing.backups, rule, local, now.timestamp(), standing)


def _data(decision: Decision) -> dict[str, object]:
    return {
        "backup": decision.backup.id,
        "began": decision.backup.began,
        "kept": decision.kept,
        "reason": decision.reason,
        "detail": decision.detail,
    }


def _lines(task: Task, decisions: tuple[Decision, ...], world: World, now: float) -> Iterator[str]:
    removed = sum(not one.kept for one in decisions)
    yield f"{task.name}: {len(decisions) - removed} kept, {removed} would be removed"
    if decisions:
        rows = [
            (
                "keep" if one.kept else "remove",
                short(one.backup.id),
                str(one.backup.level),
                instant(one.backup.began, world.zone),
                ago(one.backup.began, now),
                str(one.reason),
                harmless(one.detail) or "-",
            )
            for one in decisions
        ]
        yield table(("", "id", "level", "made", "age", "why", "detail"), rows)
    yield ""
