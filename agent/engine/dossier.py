"""Everything known of one incident, from its own records, the runs of its threshold, and what changed meanwhile."""

from __future__ import annotations

import math

from msgspec import Struct

from agent.model.incidents import Entry, EntryKind, Exhibit, Incident, Member, PolicyChange
from agent.model.runs import Run
from agent.readable import duration
from agent.rules.outcomes import outcome
from agent.store import Store

MOST_RUNS = 200
"""So many of the runs of its threshold are shown."""

MOST_SERIES = 100
"""So many of the series that fire are shown, and so many of those that have cleared."""

BEFORE = 86_400.0
"""A change of policies so many seconds before an incident may be its cause, so it stands in the timeline."""


class Dossier(Struct, frozen=True, kw_only=True):
    """An incident with its timeline, oldest entry first, its exhibits, and the runs that its threshold made meanwhile,
    for whichever of its series.

    `fires` and `quiet` count the series that fire and those that have cleared; `firing` and `cleared` are the first of
    each, longest and latest first.
    """

    incident: Incident
    fires: int
    quiet: int
    firing: tuple[Member, ...]
    cleared: tuple[Member, ...]
    timeline: tuple[Entry, ...]
    exhibits: tuple[Exhibit, ...]
    runs: tuple[Run, ...]


def dossier(store: Store, number: int) -> Dossier:
    """Given the id of an incident, put together what is known of it. Raises NotFound."""
    incident = store.incidents.get(number)
    until = math.inf if incident.ended is None else incident.ended
    runs = store.runs.caused(incident.threshold, incident.opened, until, MOST_RUNS)
    changes = [one for one in store.policy_changes.since(incident.opened - BEFORE) if one.at <= until]
    entries = [
        *store.incidents.timeline(number),
        *(_ended(run) for run in runs if run.ended is not None),
        *(_changed(change) for change in changes),
    ]
    series = store.incidents.series
    fires = series.fires(number)
    return Dossier(
        incident=incident,
        fires=fires,
        quiet=max(incident.joined + 1 - fires, 0),
        firing=tuple(series.firing(number, MOST_SERIES)),
        cleared=tuple(series.cleared(number, MOST_SERIES)),
        timeline=tuple(sorted(entries, key=lambda entry: entry.at)),
        exhibits=tuple(store.incidents.exhibits(number)),
        runs=tuple(runs),
    )


def _ended(run: Run) -> Entry:
    took = f" after {duration(run.ended - run.started)}" if run.ended is not None and run.started is not None else ""
    text = f"run {run.id} of {run.task} {outcome(run)}{took}{f': {run.why}' if run.why else ''}"
    return Entry(at=run.ended or run.created, kind=EntryKind.RUN, who="", text=text)


def _changed(change: PolicyChange) -> Entry:
    parts = [
        f"{what} {', '.join(getattr(change, what))}"
        for what in ("added", "changed", "removed")
        if getattr(change, what)
    ]
    text = ": ".join([f"policies {change.digest[:12]} put in force", *(["; ".join(parts)] if parts else [])])
    return Entry(at=change.at, kind=EntryKind.POLICIES, who="", text=text)
