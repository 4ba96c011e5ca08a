"""`hostkeeper status`: one screen that says whether all is well, what ran, what failed and why, what is next."""

from __future__ import annotations

import argparse
from dataclasses import asdict, dataclass
from typing import Any

from agent.cli.output import ago, duration, emit_json, harmless, instant, table
from agent.errors import ExitCode
from agent.host.clock import SystemClock, boot_id, local_zone
from agent.host.proc import same
from agent.model.runs import Run, RunState
from agent.rules.condition_json import load_state
from agent.rules.conditions import Standing, standing
from agent.rules.series import parse_state_key
from agent.store import Store
from agent.store.records import Hold

BAD = frozenset({RunState.FAILED, RunState.UNDONE, RunState.STUCK, RunState.MISSED})
ROWS = 8


@dataclass(frozen=True, slots=True)
class Picture:
    """Everything the screen shows. `trouble` is empty when all is well."""

    daemon: dict[str, Any]
    alive: bool
    trouble: tuple[str, ...]
    latest: tuple[Run, ...]
    waiting: tuple[Run, ...]
    running: tuple[Run, ...]
    holds: tuple[Hold, ...]
    firing: tuple[tuple[str, str, float | None], ...]


def main(arguments: argparse.Namespace) -> int:
    """Print the screen; the exit code says whether all is well."""
    with Store(arguments.state, read_only=True) as store:
        picture = look(store)
    if arguments.json:
        emit_json({**asdict(picture), "healthy": not picture.trouble})
    else:
        print(screen(picture, SystemClock().now().timestamp()))
    return ExitCode.UNHEALTHY if picture.trouble else ExitCode.OK


def look(store: Store) -> Picture:
    """Given a store, return what it says."""
    fact = store.facts.get("daemon")
    daemon: dict[str, Any] = fact if isinstance(fact, dict) else {}
    alive = bool(daemon) and daemon["boot"] == boot_id() and same(daemon["pid"], daemon["pid_started"]) is not None
    latest = tuple(sorted(store.runs.latest_by_task().values(), key=lambda run: -run.id))
    open_runs = store.runs.open()
    holds = tuple(store.holds.held().values())
    firing = []
    for key, text in store.conditions.all().items():
        name, series = parse_state_key(key)
        state = load_state(text)
        if standing(state) is Standing.FIRING:
            firing.append((name, " ".join(f"{label}={value}" for label, value in series), state.fired_at))
    return Picture(
        daemon=daemon,
        alive=alive,
        trouble=tuple(_trouble(daemon, alive, latest, holds)),
        latest=latest,
        waiting=tuple(run for run in open_runs if run.state is not RunState.RUNNING),
        running=tuple(run for run in open_runs if run.state is RunState.RUNNING),
        holds=holds,
        firing=tuple(firing),
    )


def _trouble(daemon: dict[str, Any], alive: bool, latest: tuple[Run, ...], holds: tuple[Hold, ...]) -> list[str]:
    found = [] if alive else ["the agent is not running"]
    if not daemon.get("policies", {}).get("valid", True):
        found.append("the policy files have mistakes; the last good set is in force")
    tasks = daemon.get("tasks")
    found += [
        f"{run.task}: the last run ended {run.state}"
        for run in latest
        if run.state in BAD and (tasks is None or run.task in tasks)
    ]
    return found + [f"{hold.name} is held: {hold.detail}" for hold in holds]


def screen(picture: Picture, now: float) -> str:
    """Given the picture and the present instant (seconds since the epoch), return the screen as text."""
    zone = local_zone()
    lines = ["healthy" if not picture.trouble else "NOT HEALTHY"]
    lines += [f"  {harmless(sentence)}" for sentence in picture.trouble[:ROWS]]
    lines += _more(len(picture.trouble))
    if picture.daemon:
        policies = picture.daemon["policies"]
        up = f"up for {duration(now - picture.daemon['started'])}" if picture.alive else "down"
        lines.append(f"agent     {up}, metrics on {picture.daemon['listen'] or 'nothing'}")
        lines.append(
            f"policies  {policies['files']} files, {len(picture.daemon['tasks'])} tasks, {policies['digest'][:12]}"
        )
        lines += [f"  {harmless(mistake)}" for mistake in policies["mistakes"][:ROWS]]
        lines += _more(len(policies["mistakes"]))
    if picture.firing:
        lines += ["", "firing"]
        lines += [
            f"  {name} {series} for {duration(now - (at or now))}".rstrip()
            for name, series, at in picture.firing[:ROWS]
        ]
    if picture.running or picture.waiting:
        lines += ["", "at work and waiting"]
        rows = [
            (str(run.id), run.task, str(run.state), _why(picture, run)) for run in (*picture.running, *picture.waiting)
        ]
        lines += _indented(table(("run", "task", "state", "why"), rows[:ROWS])) + _more(len(rows))
    if picture.latest:
        rows = [(run.task, str(run.state), run.why or "-", ago(run.ended, now), _took(run)) for run in picture.latest]
        lines += ["", "last run of each task", *_indented(table(("task", "state", "why", "when", "took"), rows[:ROWS]))]
        lines += _more(len(rows))
    coming = sorted((at, name) for name, at in picture.daemon.get("next", {}).items() if at is not None)
    if coming and picture.alive:
        lines += ["", "next"]
        lines += [f"  {instant(at, zone)}  {name}" for at, name in coming[:ROWS]] + _more(len(coming))
    return "\n".join(lines)


def _why(picture: Picture, run: Run) -> str:
    wait = picture.daemon.get("waits", {}).get(str(run.id)) if picture.alive else None
    return str(wait or run.why or "-")


def _took(run: Run) -> str:
    return duration(run.ended - run.started if run.ended is not None and run.started is not None else None)


def _indented(text: str) -> list[str]:
    return [f"  {line}" for line in text.splitlines()]


def _more(count: int) -> list[str]:
    return [f"  and {count - ROWS} more"] if count > ROWS else []
