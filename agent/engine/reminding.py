"""What fires and was told: reminded of while it goes on, and told to be over when nobody watches it any more."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from agent.errors import StoreError
from agent.model.notices import OF_THRESHOLDS, Alert, Event, Notice
from agent.model.policies import Notifier
from agent.rules.condition_json import load_state
from agent.rules.notices.pace import next_reminder
from agent.store import Store

DAY = 86400.0
"""Where nobody is reminded, it is looked so many seconds later whether it still goes on."""

SLACK = 3600.0
"""Seconds by which the end of quiet hours may be farther off than a day, where the clocks change."""

_OPENING = frozenset({Event.FAILURE, Event.MISSED, Event.HELD})
_UNWATCHED = "it is not watched any more"


class Reminded(Struct):
    """What to say of what fires, and what becomes of it."""

    notices: list[Notice]
    alerts: list[Alert]
    over: list[Notice]
    refresh: bool = False

    @property
    def changed(self) -> bool:
        """Whether there is anything to write."""
        return bool(self.notices or self.alerts or self.over)


def stays_open(notifier: Notifier, event: Event) -> bool:
    """Say whether what a notifier is told of goes on from here, until it is told that it is over."""
    return event is Event.FIRED or (notifier.kind == "alertmanager" and event in _OPENING)


def pause_before_next(notifier: Notifier, reminders: int) -> float:
    """Given how many reminders there were, return after how many seconds the next one is due."""
    if notifier.kind == "alertmanager":
        return float(notifier.settings["resend"])
    if notifier.repeat is None or notifier.kind == "deadman":
        return DAY
    return next_reminder(notifier.repeat, reminders)


def _is_due(notifier: Notifier, alert: Alert, now: float) -> bool:
    """Say whether a reminder is due: also one that is farther off than any is, since the clock was set back."""
    pause = pause_before_next(notifier, alert.reminders)
    farthest = pause if notifier.kind == "alertmanager" else max(DAY, pause)
    return not now < alert.next <= now + farthest + SLACK


class Reminders:
    """Looks after what fires and was told."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def look(self, notifier: Notifier, alerts: Iterable[Alert], now: float, silent: float | None) -> Reminded:
        """Given what a notifier was told of and goes on, say what is due at `now`; `silent` is when quiet hours end."""
        found = Reminded([], [], [])
        every = list(alerts)
        if not any(_is_due(notifier, alert, now) for alert in every):
            return found
        for alert in every:
            notice = alert.notice
            if not self._goes_on(notice):
                event = Event.CLEARED if notice.event in OF_THRESHOLDS else Event.RECOVERY
                ended = replace(notice, event=event, at=now, detail=_UNWATCHED if event is Event.CLEARED else "", seq=0)
                found.notices.append(ended)
                found.over.append(notice)
            elif _is_due(notifier, alert, now):
                self._remind(notifier, alert, now, silent, found)
        if notifier.kind == "alertmanager" and found.alerts and not found.over:
            found.refresh = True
        return found

    def _remind(self, notifier: Notifier, alert: Alert, now: float, silent: float | None, found: Reminded) -> None:
        notice = alert.notice
        if notifier.kind == "alertmanager":
            found.notices.append(notice)
            found.alerts.append(replace(alert, next=now + pause_before_next(notifier, 0)))
        elif silent is not None and notifier.quiet and notice.severity not in notifier.quiet.unless:
            found.alerts.append(replace(alert, next=silent))
        elif notifier.repeat is None or notifier.kind == "deadman":
            found.alerts.append(replace(alert, next=now + DAY))
        else:
            again = alert.reminders + 1
            found.notices.append(replace(notice, event=Event.REMINDER, at=now, seq=0))
            found.alerts.append(replace(alert, reminders=again, next=now + pause_before_next(notifier, again)))

    def _goes_on(self, notice: Notice) -> bool:
        if notice.event not in OF_THRESHOLDS:
            return notice.subject in self._store.runs.failing() or self._store.holds.is_held(notice.subject)
        try:
            text = self._store.conditions.get(notice.key)
            return text is not None and load_state(text).fired_at is not None
        except StoreError:
            return True
        except ValueError:
            return False
