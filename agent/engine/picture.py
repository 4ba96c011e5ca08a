"""How the agent and its tasks are at this moment, worked out from the store, whether or not the daemon is up."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from datetime import tzinfo
from typing import Any

from msgspec import Struct

from agent.engine.backups import series_of, standings
from agent.engine.in_force import PROBES
from agent.engine.notifying import undelivered
from agent.engine.outlook import outlook
from agent.engine.replacing import always_replaced
from agent.engine.unfitting import unfitting
from agent.host.clock import SystemClock, boot_id
from agent.host.heads import HeadFile
from agent.host.proc import Process, same
from agent.model.incidents import Incident, IncidentState
from agent.model.policies import PolicySet
from agent.model.runs import Run, RunState
from agent.readable import labelled
from agent.rules.condition_json import load_state
from agent.rules.conditions import Standing, standing
from agent.rules.dispatch import Decision, Skip, Start, Wait
from agent.rules.outcomes import is_bad
from agent.rules.series import parse_state_key
from agent.store import Store
from agent.store.chain import Head
from agent.store.ledger import Standing as Backups
from agent.store.records import Hold


class Picture(Struct, frozen=True):
    """Everything that `hostkeeper status` shows but what comes next. `trouble` is empty when all is well.

    `firing` has name, series, instant and, where it is muted, the reason and what it comes from.

    `bad` are the runs that are part of the trouble; `backups` is where the backups of each task stand; `incidents` are
    those that are not closed, newest first. `failing`
    are probes that gave an error when they measured last, since when, and which.
    """

    daemon: dict[str, Any]
    alive: bool
    trouble: tuple[str, ...]
    bad: tuple[Run, ...]
    tasks: int
    latest: tuple[Run, ...]
    waiting: tuple[Run, ...]
    running: tuple[Run, ...]
    holds: tuple[Hold, ...]
    firing: tuple[tuple[str, str, float | None, str], ...]
    incidents: tuple[Incident, ...]
    backups: tuple[Backups, ...]
    waits: dict[int, str]
    failing: tuple[tuple[str, float, str], ...] = ()

    @property
    def at_work(self) -> tuple[Run, ...]:
        """Runs at work, and after them those that wait."""
        return (*self.running, *self.waiting)


def daemon_process(store: Store) -> Process | None:
    """Return the process of the agent that runs on a store, None when there is none."""
    fact = store.facts.get("daemon")
    return _process(fact if isinstance(fact, dict) else {})


def _process(daemon: dict[str, Any]) -> Process | None:
    return same(daemon["pid"], daemon["pid_started"]) if daemon and daemon["boot"] == boot_id() else None


def up_for(daemon: dict[str, Any]) -> float:
    """Given what a living agent has told of itself, return its age in seconds, whatever the clock says."""
    return SystemClock().monotonic() - float(daemon["pid_started"]) / os.sysconf("SC_CLK_TCK")


def look(store: Store, policies: PolicySet, local: tzinfo, concurrency: int, now: float) -> Picture:
    """Given a store, the set in force, the host's zone, its limit of runs and the present (seconds since the epoch)."""
    decisions = outlook(store, policies, local, concurrency, now)
    fact = store.facts.get("daemon")
    daemon: dict[str, Any] = fact if isinstance(fact, dict) else {}
    alive = _process(daemon) is not None
    latest = tuple(sorted(store.runs.ended_by_task().values(), key=lambda run: -run.id))
    # What has not ended, or was skipped or replaced, has not mended what failed before it.
    telling = store.runs.ended_by_task(telling=True).values()
    bad = [run for run in telling if is_bad(run) and run.task in policies.tasks]
    open_runs = store.runs.open()
    holds = tuple(store.holds.held().values())
    backups = standings(store, series_of(policies))
    incidents = tuple(store.incidents.listed())
    too_long = unfitting(store, policies, local, open_runs, now) if decisions else ()
    never_done = (*too_long, *always_replaced(store, policies, now))
    trouble = (*_full(store), *_trouble(daemon, alive, bad, holds), *never_done, *_unattended(incidents))
    firing = []
    for key, text in store.conditions.all().items():
        name, series = parse_state_key(key)
        state = load_state(text)
        if standing(state) is Standing.FIRING:
            firing.append((name, labelled(series), state.fired_at, f"{state.muted} {state.muted_by}".strip()))
    return Picture(
        daemon=daemon,
        alive=alive,
        trouble=(*trouble, *_backup_trouble(backups), *undelivered(store, now), *_history_trouble(store)),
        bad=tuple(bad),
        tasks=len(policies.tasks),
        latest=latest,
        waiting=tuple(run for run in open_runs if run.state is not RunState.RUNNING),
        running=tuple(run for run in open_runs if run.state is RunState.RUNNING),
        holds=holds,
        firing=tuple(firing),
        incidents=incidents,
        backups=backups,
        failing=_failing(store) if alive else (),
        waits={number: _sentence(decision) for number, decision in decisions.items()},
    )


def _failing(store: Store) -> tuple[tuple[str, float, str], ...]:
    fact = store.facts.get(PROBES)
    return tuple([(name, at, why) for name, (at, why) in sorted(fact.items())]) if isinstance(fact, dict) else ()


def _full(store: Store) -> list[str]:
    if not store.connection.is_full():
        return []
    return [f"the disk of {store.directory} is full: what cannot be written down is not started; free some space"]


def _trouble(daemon: dict[str, Any], alive: bool, bad: Sequence[Run], holds: tuple[Hold, ...]) -> list[str]:
    found = [] if alive else ["the agent is not running"]
    if not daemon.get("policies", {}).get("valid", True):
        found.append("the policy files have mistakes; the last good set is in force")
    web = daemon.get("web", {"valid": True})
    if not web["valid"]:
        instead = "the last good one is in force" if web["served"] else "nobody may see the metrics"
        found += [f"{web['path']} has mistakes; {instead}", *web["mistakes"]]
    found += [f"{run.task}: run {run.id} ended {run.state}{f', {run.why}' if run.why else ''}" for run in bad]
    return found + [f"{hold.name} is held: {hold.detail}" for hold in holds]


def _unattended(incidents: Sequence[Incident]) -> list[str]:
    return [
        f"incident {one.id}, {one.severity}, waits for somebody: {one.what}"
        for one in incidents
        if one.state is IncidentState.OPEN
    ]


def _backup_trouble(backups: Sequence[Backups]) -> list[str]:
    found = []
    for one in backups:
        if one.damaged:
            which = "a backup is" if one.damaged == 1 else f"{one.damaged} backups are"
            found.append(f"{one.task}: {which} damaged in {one.repository}; `hostkeeper backup list` names them")
        if one.newest is not None and one.newest.flaws:
            found.append(f"{one.task}: something is missing from the newest backup in {one.repository}")
    return found


def _history_trouble(store: Store) -> list[str]:
    """Say whether the head of the history that was noted last is no part of it: no more than a glance."""
    with suppress(OSError):
        last = HeadFile(store.directory).last()
        if last is not None and store.chain.has(Head(last.seq, last.hash)) is False:
            return [f"{last.file} knows record {last.seq} of another history; `hostkeeper history verify` says more"]
    return []


def _sentence(decision: Decision) -> str:
    match decision:
        case Wait() | Skip():
            return f"{decision.reason} {decision.detail}".strip()
        case Start():
            return "starts at once"
