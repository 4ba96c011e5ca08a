"""`hostkeeper findings`: what audits and analyses say about this host."""

from __future__ import annotations

import argparse

from agent.cli.output import ago, columns, emit_json, harmless, instant, table
from agent.cli.world import World
from agent.errors import ExitCode, NotFound
from agent.host.clock import SystemClock
from agent.model.findings import Finding
from agent.store import Store


def main(arguments: argparse.Namespace) -> int:
    """List findings, the worst first; show one whole; or forget one that was dealt with."""
    if arguments.forget is not None:
        return _forget(arguments)
    world, now = World(arguments), SystemClock().now().timestamp()
    with Store(arguments.state, read_only=True) as store:
        found = store.findings.listed(arguments.task)
    if arguments.finding is not None:
        found = _named(found, arguments.finding)
    if arguments.json:
        emit_json(found)
    elif not found:
        print("no findings")
    elif arguments.finding is not None:
        print("\n\n".join(_whole(one, world) for one in found))
    else:
        headings = ("finding", "severity", "task", "last seen", "subject", "what")
        rows = [
            (
                one.id,
                one.severity.value,
                one.task,
                ago(one.last_seen, now),
                harmless(one.subject),
                harmless(one.sentence),
            )
            for one in found
        ]
        print(table(headings, rows, columns()))
    return ExitCode.OK


def _named(found: list[Finding], name: str) -> list[Finding]:
    chosen = [one for one in found if one.id == name]
    if not chosen:
        raise NotFound(f"there is no finding {name!r}; `hostkeeper findings` lists all")
    return chosen


def _forget(arguments: argparse.Namespace) -> int:
    with Store(arguments.state) as store:
        for one in _named(store.findings.listed(arguments.task), arguments.forget):
            store.findings.settled(one.task, one.id)
            print(f"forgot {one.id} of {one.task}; it comes back when it is found again")
    return ExitCode.OK


def _whole(one: Finding, world: World) -> str:
    lines = [
        f"{one.id}: {one.severity.value}, of {one.task}",
        f"  {harmless(one.subject)}",
        f"  {harmless(one.sentence)}",
        f"  first seen {instant(one.first_seen, world.zone)}, last {instant(one.last_seen, world.zone)}",
        f"  what to do: {harmless(one.remedy)}",
    ]
    return "\n".join([*lines, *(f"  | {harmless(line)}" for sample in one.samples for line in sample.split("\n"))])
