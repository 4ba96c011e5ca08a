"""When a threshold fires, an incident opens; when it fires again before that is closed, its timeline goes on."""

from __future__ import annotations

from agent.engine.firing import Firing
from agent.model.conditions import Bound
from agent.model.incidents import Entry, EntryKind, Incident, IncidentState, PolicyChange
from agent.model.policies import PolicySet, Severity, Threshold
from agent.model.signals import Labels
from agent.readable import duration, labelled
from agent.rules.conditions import Event
from agent.store import Store

NEVER = "never"
"""Instead of a severity: only the thresholds that ask for it open incidents."""

_RANKS = {severity.value: rank for rank, severity in enumerate(Severity)}


def opens(threshold: Threshold, least: str) -> bool:
    """Given a threshold and the least severity that opens incidents (or NEVER), tell whether its firing opens one."""
    if threshold.incident is not None:
        return threshold.incident
    return least != NEVER and _RANKS[threshold.severity.value] >= _RANKS[least]


class Incidents:
    """Hears of thresholds that fire and clear, and keeps their incidents; an `agent.engine.firing.Reactor`."""

    def __init__(self, store: Store, least: str) -> None:
        self._store = store
        self._least = least
        self.policy = ""

    def react(self, firing: Firing) -> None:
        """Open an incident, or go on with the one that is not closed yet."""
        known = self._store.incidents.of(firing.threshold.name, firing.series)
        if firing.event is Event.CLEARED:
            if known is not None:
                lasted = f"cleared after {duration(firing.at - firing.fired_at)}"
                text = f"{lasted}; {_reading(firing)}"
                self._store.incidents.tell(known.id, _entry(firing, EntryKind.CLEARED, text))
        elif known is not None:
            again = "" if known.cleared is None else " again"
            text = f"fired{again}: {_reading(firing)}{_remedies(firing)}"
            self._store.incidents.tell(known.id, _entry(firing, EntryKind.FIRED, text))
        elif opens(firing.threshold, self._least) and not firing.muted:
            self._open(firing)

    def withdraw(self, threshold: str, series: Labels, at: float) -> None:
        """Say in the timeline that the threshold is not what it was, so that nobody waits for it to clear."""
        known = self._store.incidents.of(threshold, series)
        if known is not None and known.cleared is None:
            text = "the threshold was changed or taken out of the policies, and is not judged as before any more"
            self._store.incidents.tell(known.id, Entry(at=at, kind=EntryKind.CLEARED, who="", text=text))

    def _open(self, firing: Firing) -> None:
        threshold = firing.threshold
        incident = Incident(
            id=0,
            threshold=threshold.name,
            series=firing.series,
            severity=threshold.severity.value,
            subject=subject(threshold, firing.series),
            description=threshold.description,
            signal=threshold.signal,
            value=firing.state.value,
            policy=self.policy,
            runbook=threshold.runbook,
            opened=firing.at,
            state=IncidentState.OPEN,
            cleared=None,
            ended=None,
            cause="",
        )
        number = self._store.incidents.open(incident)
        text = f"fired: {_reading(firing)}{_remedies(firing)}"
        self._store.incidents.tell(number, _entry(firing, EntryKind.FIRED, text))


def subject(threshold: Threshold, series: Labels) -> str:
    """Given a threshold and one of its series, say in a few words what is wrong when it fires."""
    what = f"{threshold.signal} of {labelled(series)}" if series else threshold.signal
    condition = threshold.condition
    if condition.change is not None:
        what = f"the change of {what} in {duration(condition.change.per)}"
    if condition.compare is not None:
        what = f"the {condition.compare.as_} of {what} to {condition.compare.against.replace('_', ' ')}"
    return f"{what} is {limit(condition.bound)}"


def limit(bound: Bound) -> str:
    """Given a bound, say which numbers violate it."""
    if bound.outside is not None:
        return f"outside {bound.outside[0]:g} to {bound.outside[1]:g}"
    words = {"above": "above ", "below": "below ", "equals": "", "not_equals": "not "}
    return next(f"{word}{value:g}" for name, word in words.items() if (value := getattr(bound, name)) is not None)


def _reading(firing: Firing) -> str:
    value = firing.state.value
    return (
        f"{firing.threshold.signal} is {value:.6g}" if value is not None else f"{firing.threshold.signal} has no data"
    )


def _remedies(firing: Firing) -> str:
    made = ", ".join(str(run) for run in firing.runs)
    return f"; run{'s' if len(firing.runs) > 1 else ''} {made} made to mend it" if made else ""


def _entry(firing: Firing, kind: EntryKind, text: str) -> Entry:
    return Entry(at=firing.at, kind=kind, who="", text=text)


def change_of(before: PolicySet | None, after: PolicySet, at: float) -> PolicyChange:
    """Given the set that was in force, None if none is known, and the one that is now, say what is not as before."""
    found = []
    if before is not None and before.digest != after.digest:
        from agent.engine.differing import changes  # noqa: PLC0415 - at the start there is nothing to compare

        found = changes(before, after)
    return PolicyChange(
        at=at,
        digest=after.digest,
        files=after.files,
        added=tuple(f"{one.section}.{one.name}" for one in found if one.added),
        changed=tuple(f"{one.section}.{one.name}" for one in found if one.fields),
        removed=tuple(f"{one.section}.{one.name}" for one in found if one.removed),
    )
