"""`hostkeeper status`: one screen that says whether all is well, what ran, what failed and why, what is next."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import tzinfo
from typing import Any

from agent.cli.output import ago, duration, emit_json, harmless, instant, table
from agent.cli.world import World
from agent.engine.in_force import in_force
from agent.engine.outlook import outlook
from agent.errors import ExitCode
from agent.host.clock import SystemClock, boot_id
from agent.host.proc import same
from agent.model.runs import Run, RunState
from agent.probes.catalogue import SIGNALS
from agent.rules.condition_json import load_state
from agent.rules.conditions import Standing, standing
from agent.rules.dispatch import Decision, Skip, Start, Wait
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
    tasks: int
    latest: tuple[Run, ...]
    waiting: tuple[Run, ...]
    running: tuple[Run, ...]
    holds: tuple[Hold, ...]
    firing: tuple[tuple[str, str, float | None], ...]
    waits: dict[int, str]
    coming: tuple[tuple[float, str], ...]

    @property
    def at_work(self) -> tuple[Run, ...]:
        """Runs at work, and after them those that wait."""
        return (*self.running, *self.waiting)


def main(arguments: argparse.Namespace) -> int:
    """Print the screen; the exit code says whether all is well."""
    world, clock = World(arguments), SystemClock()
    with Store(arguments.state, read_only=True) as store:
        picture = look(store, world, clock.now().timestamp())
    if arguments.json:
        emit_json({**asdict(picture), "healthy": not picture.trouble})
    else:
        print(screen(picture, clock.now().timestamp(), world.zone))
    return ExitCode.UNHEALTHY if picture.trouble else ExitCode.OK


def look(store: Store, world: World, now: float) -> Picture:
    """Given a store and the present instant (seconds since the epoch), return what it says."""
    policies = in_force(store, SIGNALS)
    decisions = outlook(store, policies, world.zone, world.settings().concurrency, now)
    fact = store.facts.get("daemon")
    daemon: dict[str, Any] = fact if isinstance(fact, dict) else {}
    alive = bool(daemon) and daemon["boot"] == boot_id() and same(daemon["pid"], daemon["pid_started"]) is not None
    latest = tuple(sorted(store.runs.ended_by_task().values(), key=lambda run: -run.id))
    # What has not ended, or was skipped, has not mended what failed before it.
    begun = store.runs.ended_by_task(begun=True).values()
    bad = [run for run in begun if run.state in BAD and run.task in policies.tasks]
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
        trouble=tuple(_trouble(daemon, alive, bad, holds)),
        tasks=len(policies.tasks),
        latest=latest,
        waiting=tuple(run for run in open_runs if run.state is not RunState.RUNNING),
        running=tuple(run for run in open_runs if run.state is RunState.RUNNING),
        holds=holds,
        firing=tuple(firing),
        waits={number: _sentence(decision) for number, decision in decisions.items()},
        coming=tuple(sorted((at, name) for name, at in world.next_due(policies).items())),
    )


def _trouble(daemon: dict[str, Any], alive: bool, bad: Sequence[Run], holds: tuple[Hold, ...]) -> list[str]:
    found = [] if alive else ["the agent is not running"]
    if not daemon.get("policies", {}).get("valid", True):
        found.append("the policy files have mistakes; the last good set is in force")
    found += [f"{run.task}: run {run.id} ended {run.state}{f', {run.why}' if run.why else ''}" for run in bad]
    return found + [f"{hold.name} is held: {hold.detail}" for hold in holds]


def _sentence(decision: Decision) -> str:
    match decision:
        case Wait() | Skip():
            return f"{decision.reason} {decision.detail}".strip()
        case Start():
            return "starts at once"


def screen(picture: Picture, now: float, zone: tzinfo) -> str:
    """Given the picture and the present instant (seconds since the epoch), return the screen as text."""
    lines = ["healthy" if not picture.trouble else "NOT HEALTHY", *_listed(picture.trouble)]
    if picture.daemon:
        policies = picture.daemon["policies"]
        up = f"up for {duration(now - picture.daemon['started'])}" if picture.alive else "down"
        lines.append(f"agent     {up}, metrics on {picture.daemon['listen'] or 'nothing'}")
        lines.append(f"policies  {policies['files']} files, {picture.tasks} tasks, {policies['digest'][:12]}")
        lines += _listed(policies["mistakes"])
    if picture.firing:
        firing = [f"{name} {series} for {duration(now - (at or now))}" for name, series, at in picture.firing]
        lines += ["", "firing", *_listed(firing)]
    if picture.running or picture.waiting:
        waits = [(str(run.id), run.task, str(run.state), picture.waits.get(run.id, "-")) for run in picture.at_work]
        lines += ["", "at work and waiting", *_tabled(("run", "task", "state", "why"), waits)]
    if picture.latest:
        ran = [(run.task, str(run.state), run.why or "-", ago(run.ended, now), _took(run)) for run in picture.latest]
        lines += ["", "last run of each task", *_tabled(("task", "state", "why", "when", "took"), ran)]
    if picture.coming and picture.alive:
        lines += ["", "next", *_listed([f"{instant(at, zone)}  {name}" for at, name in picture.coming])]
    return "\n".join(lines)


def _took(run: Run) -> str:
    return duration(run.ended - run.started if run.ended is not None and run.started is not None else None)


def _listed(sentences: Sequence[str]) -> list[str]:
    """Return the first few sentences, indented, and how many more there are."""
    more = [f"  and {len(sentences) - ROWS} more"] if len(sentences) > ROWS else []
    return [f"  {harmless(sentence)}" for sentence in sentences[:ROWS]] + more


def _tabled(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the first few rows as a table, indented, and how many more there are."""
    more = [f"  and {len(rows) - ROWS} more"] if len(rows) > ROWS else []
    return [f"  {line}" for line in table(headings, rows[:ROWS]).splitlines()] + more
