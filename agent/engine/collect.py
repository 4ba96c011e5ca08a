"""The process that collects evidence for incidents and ends: `python -m agent collect STATE INCIDENT...`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC

from agent.errors import NotFound
from agent.host.clock import SystemClock
from agent.host.exhibits import OF_HOST, Collect, collected
from agent.model.incidents import Entry, EntryKind, Exhibit, PolicyChange
from agent.model.runs import Run
from agent.readable import instant
from agent.rules.outcomes import outcome
from agent.store import Store

RUNS = 30
"""So many of the latest runs are shown."""

CHANGES = 10
"""So many of the latest changes of policies are shown."""


def main(directory: str, incidents: Sequence[int]) -> int:
    """Given a state directory and incidents that opened a moment ago, collect once and keep it for each of them."""
    clock = SystemClock()
    with Store(directory) as store:
        exhibits = collected((*OF_HOST, *_of_store(store)), clock)
        for number in incidents:
            keep(store, number, exhibits, clock.now().timestamp())
    return 0


def keep(store: Store, number: int, exhibits: Sequence[Exhibit], now: float) -> None:
    """Given what was collected, keep it for an incident, which may be forgotten by now, and say what is missing."""
    missing = [f"{one.title.lower()} ({'; '.join(one.error.splitlines())})" for one in exhibits if one.error]
    text = f"{len(exhibits)} pieces of evidence collected"
    text += f"; not to be had, wholly or in part: {'; '.join(missing)}" if missing else ""
    try:
        store.incidents.get(number)
    except NotFound:
        return
    store.incidents.collected(number, exhibits, Entry(at=now, kind=EntryKind.EXHIBITS, who="", text=text))


def _of_store(store: Store) -> tuple[tuple[str, str, Collect], ...]:
    return (
        ("runs", "Recent runs", lambda: (_runs(store.runs.recent(RUNS)), "")),
        ("policies", "Recent changes of policies", lambda: (_changes(store.policy_changes.since(0.0)), "")),
    )


def _runs(runs: Sequence[Run]) -> str:
    lines = [
        f"{instant(run.started or run.created, UTC)} UTC  run {run.id} of {run.task}: {outcome(run)}"
        f"{f', {run.why}' if run.why else ''} ({f'{run.origin} {run.cause}'.strip()})"
        for run in runs
    ]
    return "\n".join(lines) or "no runs yet"


def _changes(changes: Sequence[PolicyChange]) -> str:
    lines = []
    for change in reversed(changes[-CHANGES:]):
        lines.append(f"{instant(change.at, UTC)} UTC  policies {change.digest[:12]} in force, {change.files} files")
        for what in ("added", "changed", "removed"):
            names = getattr(change, what)
            lines += [f"  {what} {', '.join(names)}"] if names else []
    return "\n".join(lines) or "no change is known"
