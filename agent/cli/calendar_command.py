"""`hostkeeper calendar`: what will run when, and what a window, a need, an overlap or a hold holds back."""

from __future__ import annotations

import argparse
from contextlib import nullcontext

from msgspec.structs import asdict

from agent.cli.output import columns, emit_json, instant, table
from agent.cli.world import World
from agent.engine.coming import days_ahead
from agent.errors import ExitCode, NotFound
from agent.host.clock import SystemClock
from agent.rules.upcoming import Entry, no_start


def main(arguments: argparse.Namespace) -> int:
    """Print the days to come."""
    world = World(arguments)
    policies, start = world.policies(), SystemClock().now()
    if arguments.task is not None and arguments.task not in policies.tasks:
        raise NotFound(f"there is no task {arguments.task!r}; `hostkeeper tasks` lists them")
    store = world.store_if_any()
    with store if store is not None else nullcontext():
        held = () if store is None else store.holds.held()
        coming = days_ahead(store, policies, world.zone, world.host_id, start, arguments.days, held)
    entries = [entry for entry in coming.entries if arguments.task in (None, entry.task)]
    if arguments.json:
        emit_json({"entries": [asdict(entry) for entry in entries], "cut": coming.cut})
        return ExitCode.OK
    if not entries:
        print(f"nothing falls due in the next {arguments.days} days")
        return ExitCode.OK
    rows = [
        (instant(e.due, world.zone), instant(e.starts, world.zone) if e.starts else no_start(e), e.task, _held(e))
        for e in entries
    ]
    print(table(("due", "starts", "task", "held back by"), rows, columns()))
    for name in coming.cut:
        print(f"{name}: only the first of its many due times are listed")
    return ExitCode.OK


def _held(entry: Entry) -> str:
    held = f"{entry.reason} {entry.detail}".strip() if entry.reason else ""
    after = f"after {', '.join(entry.needs)}" if entry.needs else ""
    return "; ".join(part for part in (held, after) if part) or "-"
