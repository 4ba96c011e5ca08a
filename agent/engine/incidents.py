"""When a threshold fires, an incident opens; until that is closed, whatever else of it fires joins it.

One cause shows in many series, as one full disk does in every container on it: that is one thing to look after.
"""

from __future__ import annotations

from msgspec.structs import replace

from agent.engine.firing import Firing
from agent.model.conditions import Bound
from agent.model.incidents import Entry, EntryKind, Incident, IncidentState, Member, PolicyChange, Word
from agent.model.policies import PolicySet, Severity, Threshold
from agent.model.signals import Labels
from agent.readable import duration, labelled
from agent.rules.conditions import Event
from agent.store import Store

NEVER = "never"
"""Instead of a severity: only the thresholds that ask for it open incidents."""

NAMED = 6
"""So many series one entry of a timeline names; of the others it says how many they are."""

MOST_NAME = 120
"""So many characters of the labels of a series stand in a timeline."""

WITHDRAWN = "the threshold was changed or taken out of the policies, and is not judged as before any more"

_RANKS = {severity.value: rank for rank, severity in enumerate(Severity)}


def opens(threshold: Threshold, least: str) -> bool:
    """Given a threshold and the least severity that opens incidents (or NEVER), tell whether its firing opens one."""
    if threshold.incident is not None:
        return threshold.incident
    return least != NEVER and _RANKS[threshold.severity.value] >= _RANKS[least]


class Incidents:
    """Hears of thresholds that fire and clear, and keeps their incidents; an `agent.engine.firing.Reactor`.

    Of one threshold, with one severity, one incident at most opens until it is closed.
    """

    def __init__(self, store: Store, least: str) -> None:
        self._incidents = store.incidents
        self._least = least
        self.policy = ""

    def react(self, firing: Firing) -> None:
        """Open an incident, or go on with the one that is not closed yet."""
        own = self._incidents.of(firing.threshold.name, firing.series)
        if firing.event is Event.CLEARED:
            for incident in own:
                self._cleared(incident, firing)
            return
        severity = firing.threshold.severity.value
        known = next((one for one in own if one.severity == severity), None)
        if known is None and opens(firing.threshold, self._least) and not firing.muted:
            # One at most but for those that an earlier version opened for each series.
            others = self._incidents.of(firing.threshold.name)
            known = next((one for one in others if one.severity == severity), None)
            if known is None:
                self._open(firing)
        if known is not None:
            self._fired(known, firing)

    def withdraw(self, threshold: str, series: Labels, at: float) -> None:
        """Say in the timeline that the threshold is not what it was, so that nobody waits for it to clear."""
        for incident in self._incidents.of(threshold, series):
            member = self._incidents.series.of(incident.id, series)
            if member is None or member.cleared is None:
                before = member or Member(series=series, word=Word.AGAIN, fired=at, value=None)
                self._incidents.see(incident.id, replace(before, cleared=at, lasted=at - before.fired))
                self._incidents.tell(incident.id, _entry(at, EntryKind.CLEARED, WITHDRAWN), over=WITHDRAWN)

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
        number = self._incidents.open(incident)
        self._tell_fired(replace(incident, id=number), _member(firing, Word.FIRST))

    def _fired(self, incident: Incident, firing: Firing) -> None:
        before = self._incidents.series.of(incident.id, firing.series)
        word = Word.JOINED if before is None else Word.STILL if before.cleared is None else Word.AGAIN
        member = _member(firing, word)
        self._incidents.see(incident.id, member)
        self._tell_fired(incident, member)

    def _tell_fired(self, incident: Incident, member: Member) -> None:
        if member.word is Word.FIRST:
            named, count = [member], 1
        else:
            named, count = self._incidents.series.fired_at(incident.id, member.word, member.fired, NAMED)
        text = _listed(f"{member.word}: ", [f"{_reading(incident, one)}{_remedies(one)}" for one in named], count)
        self._incidents.tell(incident.id, _entry(member.fired, EntryKind.FIRED, text), over=f"{member.word}: ")

    def _cleared(self, incident: Incident, firing: Firing) -> None:
        before = self._incidents.series.of(incident.id, firing.series)
        if before is not None and before.cleared is not None:
            return
        known = before or _member(firing, Word.AGAIN)
        lasted = firing.at - firing.fired_at
        after = replace(known, cleared=firing.at, lasted=lasted, value=firing.state.value)
        incident = self._incidents.see(incident.id, after)
        named, count = self._incidents.series.cleared_at(incident.id, firing.at, NAMED)
        pieces = [f"{_reading(incident, one)}, after {duration(one.lasted)}" for one in named]
        text = _listed("cleared: ", pieces, count) + self._left(incident)
        self._incidents.tell(incident.id, _entry(firing.at, EntryKind.CLEARED, text), over="cleared: ")

    def _left(self, incident: Incident) -> str:
        """Say how many series fire yet, where there is more than one to the incident."""
        if not incident.joined:
            return ""
        fires = self._incidents.series.fires(incident.id)
        return f"; of {incident.joined + 1} series {fires or 'none'} still fire{'s' if fires < 2 else ''}"


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


def _member(firing: Firing, word: Word) -> Member:
    return Member(series=firing.series, word=word, fired=firing.at, value=firing.state.value, runs=firing.runs)


def _listed(beginning: str, pieces: list[str], count: int) -> str:
    more = f"; and {count - len(pieces)} more" if count > len(pieces) else ""
    return f"{beginning}{'; '.join(pieces)}{more}"


def _reading(incident: Incident, member: Member) -> str:
    name = labelled(member.series)[:MOST_NAME] or incident.signal
    return f"{name} has no data" if member.value is None else f"{name} is {member.value:.6g}"


def _remedies(member: Member) -> str:
    made = ", ".join(str(run) for run in member.runs)
    return f", run{'s' if len(member.runs) > 1 else ''} {made} made to mend it" if made else ""


def _entry(at: float, kind: EntryKind, text: str) -> Entry:
    return Entry(at=at, kind=kind, who="", text=text)


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
