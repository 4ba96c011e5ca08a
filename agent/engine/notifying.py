"""Notices of what thresholds do and of what is held, for whom the policies name."""

from __future__ import annotations

from msgspec.structs import replace

from agent.engine.firing import Firing
from agent.model.notices import Event, Notice
from agent.model.policies import Task, Threshold
from agent.model.signals import Labels
from agent.readable import duration
from agent.rules import conditions
from agent.rules.series import state_key
from agent.store import Store

LATE = 300.0
"""Seconds after which a message that a receiver does not take is trouble."""


class Notices:
    """A reactor: leaves a notice for every notifier of a threshold that fires or clears; the sender does the rest."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def react(self, firing: Firing) -> None:
        """Write the notices of a firing that is not muted, and of every clearing, in the caller's transaction."""
        threshold = firing.threshold
        event = {conditions.Event.FIRED: Event.FIRED, conditions.Event.CLEARED: Event.CLEARED}.get(firing.event)
        if event is None or (firing.muted and event is Event.FIRED):
            return
        key = state_key(threshold.name, firing.series)
        names = list(threshold.notify)
        if event is Event.CLEARED:
            # The sender knows who of them was told; a policy may have taken others out since.
            names += [name for name in self._store.outbox.told_under(key) if name not in names]
        self._store.outbox.put(
            [
                Notice(
                    notifier=name,
                    event=event,
                    subject=threshold.name,
                    key=key,
                    severity=threshold.severity,
                    at=firing.at,
                    since=firing.fired_at,
                    description=threshold.description,
                    signal=threshold.signal,
                    labels=firing.series,
                    value=firing.state.value,
                )
                for name in names
            ]
        )

    def withdraw(self, threshold: str, series: Labels, at: float) -> None:
        """Tell whoever was told that it fires that nobody judges it as before."""
        told = self._store.outbox.told_of(state_key(threshold, series))
        why = "it was changed or taken out of the policies, and is not judged as before any more"
        self._store.outbox.put([replace(notice, event=Event.CLEARED, at=at, detail=why, seq=0) for notice in told])


def held(task: Task, now: float) -> list[Notice]:
    """Given a task that is held from `now` (seconds since the epoch) on, return the notices of that."""
    if task.notify is None or Event.HELD not in task.notify.on:
        return []
    return [
        Notice(
            notifier=name,
            event=Event.HELD,
            subject=task.name,
            key=f"task:{task.name}",
            severity=task.notify.severity,
            at=now,
            since=now,
            description=task.description,
            detail=f"it ran too often; let it act again with: hostkeeper release-hold {task.name}",
        )
        for name in task.notify.to
    ]


def remedy_held(threshold: Threshold, name: str, detail: str, now: float) -> list[Notice]:
    """Given a threshold whose remedy of that name is held from `now` on, and why, return the notices of that."""
    return [
        Notice(
            notifier=notifier,
            event=Event.HELD,
            subject=name,
            key=f"remedy:{name}",
            severity=threshold.severity,
            at=now,
            since=now,
            description=threshold.description,
            detail=f"{detail}; let it act again with: hostkeeper release-hold '{name}'",
        )
        for notifier in threshold.notify
    ]


def undelivered(store: Store, now: float) -> list[str]:
    """Return a sentence for each receiver that refuses messages, or has kept some waiting for long by failing."""
    found = []
    for name, tally in store.outbox.tallies.receivers().items():
        notifier = name.partition("/")[0]
        if tally.parked:
            said = store.outbox.tallies.refusal(name)
            found.append(
                f"{name} refused {tally.parked} messages ({said}); mend it, then `hostkeeper notify retry {notifier}`"
            )
        if tally.late is not None and now - tally.late > LATE:
            error = store.outbox.standing(name).last_error
            found.append(f"{tally.tried} messages to {name} wait, for {duration(now - tally.late)} by now: {error}")
    return found
