"""`hostkeeper incident show`: one incident, whole."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import tzinfo

from msgspec.structs import asdict

from agent.cli.output import emit_json, harmless, instant
from agent.cli.world import World
from agent.engine.dossier import Dossier, dossier
from agent.errors import ExitCode
from agent.model.incidents import EntryKind, Member
from agent.model.policies import Instruction
from agent.readable import labelled
from agent.store import Store

KIND = max(map(len, EntryKind)) + 2
"""How wide the kinds of entries are shown."""

MOST_SERIES = 20
"""So many of the series that fire are shown, and so many of those that have cleared; the page to hand on has more."""


def main(arguments: argparse.Namespace) -> int:
    """Show an incident with its timeline, its runbook and its evidence; exit code 8 when there is none of that id."""
    world = World(arguments)
    with Store(arguments.state, read_only=True) as store:
        found = dossier(store, arguments.incident)
    if arguments.json:
        emit_json(asdict(found))
    else:
        print("\n".join(text(found, world.zone)))
    return ExitCode.OK


def text(found: Dossier, zone: tzinfo) -> list[str]:
    """Given an incident, return it as lines, with instants in a zone."""
    incident = found.incident
    head = [
        ("incident", f"{incident.id}, {incident.state}, {incident.severity}"),
        ("threshold", incident.threshold),
        ("what", incident.what),
        ("meaning", incident.description or "-"),
        ("opened", instant(incident.opened, zone)),
        ("condition", _condition(found, zone)),
        ("closed", instant(incident.ended, zone)),
        ("cause", incident.cause or "-"),
        ("policies", incident.policy[:12] or "-"),
    ]
    lines = [f"{name:<10}{harmless(value)}" for name, value in head]
    lines += [*_series(found, zone), "", "timeline"]
    for entry in found.timeline:
        who = f" {entry.who}:" if entry.who else ""
        lines.append(f"  {instant(entry.at, zone)}  {entry.kind:<{KIND}}{harmless(f'{who} {entry.text}'.strip())}")
    if incident.runbook:
        lines += ["", f"runbook (`hostkeeper incident runbook {incident.id}`)", *steps(incident.runbook)]
    for exhibit in found.exhibits:
        lines += ["", f"{exhibit.title.lower()}, {instant(exhibit.at, zone)}"]
        lines += [f"  ! {harmless(line)}" for line in exhibit.error.splitlines()]
        lines += [f"  {harmless(line)}" for line in exhibit.text.splitlines()]
    return lines


def _condition(found: Dossier, zone: tzinfo) -> str:
    incident = found.incident
    if incident.cleared is not None:
        return f"cleared at {instant(incident.cleared, zone)}"
    return f"fires on {found.fires} of {found.fires + found.quiet} series" if incident.joined else "fires"


def _series(found: Dossier, zone: tzinfo) -> list[str]:
    """Return the series, those that fire first, where there is more than the one that the incident is named after."""
    if not found.incident.joined:
        return []
    firing, cleared = found.firing[:MOST_SERIES], found.cleared[:MOST_SERIES]
    lines = ["", f"series ({found.fires} fire, {found.quiet} have cleared)"]
    lines += [_member("fires", one, one.fired, zone) for one in firing]
    if found.fires > len(firing):
        lines.append(f"  and {found.fires - len(firing)} more that fire")
    lines += [_member("cleared", one, one.cleared, zone) for one in cleared]
    if found.quiet > len(cleared):
        lines.append(f"  and {found.quiet - len(cleared)} more that have cleared")
    return lines


def _member(state: str, member: Member, since: float | None, zone: tzinfo) -> str:
    value = "no data" if member.value is None else f"{member.value:.6g}"
    return f"  {instant(since, zone)}  {state:<8} {value:>10}  {harmless(labelled(member.series)) or '-'}"


def steps(runbook: Sequence[Instruction], keys: str = "") -> list[str]:
    """Given a runbook, return its steps, numbered, with the task that does each, and its key where that is another."""
    return [
        f"  {number}{_key(number, keys)}  {harmless(step.text)}{f'  [task {step.run}]' if step.run else ''}"
        for number, step in enumerate(runbook, start=1)
    ]


def _key(number: int, keys: str) -> str:
    if not keys or keys[number - 1 : number] == str(number):
        return ""
    return f" (key {keys[number - 1]})" if number <= len(keys) else f" (--step {number})"
