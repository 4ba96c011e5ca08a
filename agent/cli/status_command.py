"""`hostkeeper status`: one screen that says whether all is well, what ran, what failed and why, what is next."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from datetime import tzinfo

from msgspec.structs import asdict

from agent.cli.output import ago, duration, emit_json, fitting, harmless, instant, table
from agent.cli.world import World
from agent.engine.backups import flaws
from agent.engine.in_force import in_force
from agent.engine.picture import Picture, look, up_for
from agent.errors import ExitCode
from agent.host.clock import SystemClock
from agent.model.runs import Run
from agent.probes.catalogue import SIGNALS
from agent.rules.outcomes import outcome
from agent.store import Store

ROWS = 8


def main(arguments: argparse.Namespace) -> int:
    """Print the screen; the exit code says whether all is well."""
    world, clock = World(arguments), SystemClock()
    with Store(arguments.state, read_only=True) as store:
        policies = in_force(store, SIGNALS)
        picture = look(store, policies, world.zone, world.settings().concurrency, clock.now().timestamp())
    coming = tuple(sorted((at, name) for name, at in world.next_due(policies).items()))
    if arguments.json:
        emit_json({**asdict(picture), "coming": coming, "healthy": not picture.trouble})
    else:
        now = clock.now().timestamp()
        print(fitting(lambda rows: screen(picture, coming, now, world.zone, rows), ROWS))
    return ExitCode.UNHEALTHY if picture.trouble else ExitCode.OK


def screen(picture: Picture, coming: Sequence[tuple[float, str]], now: float, zone: tzinfo, most: int = ROWS) -> str:
    """Given the picture, when which task falls due next, and the present instant, return the screen as text.

    Instants are seconds since the epoch. No part of it has more than `most` rows.
    """
    lines = ["healthy" if not picture.trouble else "NOT HEALTHY", *_listed(picture.trouble, most)]
    if picture.daemon:
        policies = picture.daemon["policies"]
        up = f"up for {duration(up_for(picture.daemon))}" if picture.alive else "down"
        lines.append(f"agent     {up}, metrics on {picture.daemon['listen'] or 'nothing'}")
        lines.append(f"policies  {policies['files']} files, {picture.tasks} tasks, {policies['digest'][:12]}")
        lines += _listed(policies["mistakes"], most)
    for title, headings, rows in _parts(picture, now):
        lines += ["", title, *_tabled(headings, rows, most)] if rows else []
    if coming and picture.alive:
        lines += ["", "next", *_listed([f"{instant(at, zone)}  {name}" for at, name in coming], most)]
    return "\n".join(lines)


def _parts(picture: Picture, now: float) -> Iterator[tuple[str, Sequence[str], Sequence[Sequence[str]]]]:
    """Yield each table of the screen: its title, its headings if it has any, and its rows."""
    firing = [
        (f"{f'{name} {series}'.rstrip()} for {duration(now - (at or now))}{f', muted: {muted}' if muted else ''}",)
        for name, series, at, muted in picture.firing
    ]
    yield "firing", (), firing
    yield "incidents", ("incident", "state", "severity", "opened", "what"), _incidents(picture, now)
    failing = [(name, ago(since, now), why) for name, since, why in picture.failing]
    yield "probes in trouble", ("probe", "since", "why"), failing
    waits = [(str(run.id), run.task, str(run.state), picture.waits.get(run.id, "-")) for run in picture.at_work]
    yield "at work and waiting", ("run", "task", "state", "why"), waits
    ran = [(run.task, str(outcome(run)), run.why or "-", ago(run.ended, now), _took(run)) for run in picture.latest]
    yield "last run of each task", ("task", "state", "why", "when", "took"), ran
    yield "backups", ("task", "repository", "kept", "newest", "proven", "flaws"), _backups(picture, now)


def _backups(picture: Picture, now: float) -> list[Sequence[str]]:
    """Return a row for each series of backups: how many there are, how old, when proven, and what is wrong."""
    return [
        (
            one.task,
            one.repository,
            str(one.backups),
            f"{ago(one.newest.began, now)} ({one.newest.level})" if one.newest else "never",
            ago(one.last_proof.at, now) if one.last_proof else "never",
            ", ".join(flaws(one)) or "none",
        )
        for one in picture.backups
    ]


def _incidents(picture: Picture, now: float) -> list[Sequence[str]]:
    return [(str(one.id), one.state, one.severity, ago(one.opened, now), one.what) for one in picture.incidents]


def _took(run: Run) -> str:
    return duration(run.ended - run.started if run.ended is not None and run.started is not None else None)


def _listed(sentences: Sequence[str], most: int) -> list[str]:
    """Return the first few sentences, indented, and how many more there are."""
    return _tabled((), [(sentence,) for sentence in sentences], most)


def _tabled(headings: Sequence[str], rows: Sequence[Sequence[str]], most: int) -> list[str]:
    """Return the first few rows as a table, indented, and how many more there are."""
    lines = table(headings, rows[:most]).splitlines() if headings else [harmless(row[0]) for row in rows[:most]]
    more = [f"and {len(rows) - most} more"] if len(rows) > most else []
    return [f"  {line}" for line in (*lines, *more)]
