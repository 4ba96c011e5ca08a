"""Prometheus Alertmanager, API v2: alerts that are said to last a while, and said again until they are over."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from agent.drivers.notifiers._posting import request
from agent.host.clock import SystemClock
from agent.model.notices import Answer, Event, Item, Message
from agent.model.policies import Severity

OPEN = frozenset({Event.FIRED, Event.REMINDER, Event.FAILURE, Event.MISSED, Event.HELD})
"""What an alert begins or goes on with; it ends with the others but these:"""

NEITHER = frozenset({Event.START, Event.TRY, Event.SKIPPED})
LASTING = 4.0
"""An alert is said to last so many times the interval in which it is said again."""

_UNFIT = re.compile(r"[^a-zA-Z0-9_]")
_TAKEN = frozenset({"alertname", "host", "severity", "signal", "kind"})


class Alertmanager:
    """Posts alerts to one Alertmanager, which tells equal ones by their labels."""

    def __init__(self, url: str, resend: float, labels: Mapping[str, str], now: Callable[[], datetime]) -> None:
        self._url = f"{url.rstrip('/')}/api/v2/alerts"
        self._resend = resend
        self._labels = labels
        self._now = now

    def send(self, message: Message) -> Answer:
        """Post what a message tells; a test is an alert of its own that ends by itself."""
        alerts = [self._alert(item, message.host) for item in message.items if item.notice.event not in NEITHER]
        if message.test:
            alerts = [self._test(message)]
        if not alerts:
            return Answer(delivered=True, said="nothing of it is an alert")
        body = msgspec.json.encode(alerts)
        return request(self._url, body=body, headers={"Content-Type": "application/json"})

    def alive(self) -> Answer:
        """Say nothing: Alertmanager waits for no one."""
        return Answer(delivered=True, said="")

    def _alert(self, item: Item, host: str) -> dict[str, Any]:
        notice = item.notice
        now = self._now().timestamp()
        # What ends in the future goes on for Alertmanager, up to the latest end that it was told.
        ends = now + LASTING * self._resend if notice.event in OPEN else min(notice.at, now)
        own = {"alertname": notice.subject, "host": host, "severity": notice.severity.value}
        own["kind"] = "task" if notice.run or not notice.signal else "threshold"
        if notice.signal:
            own["signal"] = notice.signal
        of_series = {_name(name): value for name, value in notice.labels}
        value = "" if notice.value is None else f"{notice.value:g}"
        annotations = {
            "summary": notice.description or f"{notice.subject}: {notice.detail or notice.event}",
            "value": value,
            "detail": notice.detail,
            "done": "; ".join(item.done),
        }
        return {
            "labels": {**self._labels, **of_series, **own},
            "annotations": {name: text for name, text in annotations.items() if text},
            # Alertmanager refuses an alert that ends before it begins.
            "startsAt": _time(min(notice.since, ends)),
            "endsAt": _time(ends),
        }

    def _test(self, message: Message) -> dict[str, Any]:
        labels = {"alertname": "HostkeeperTest", "host": message.host, "severity": Severity.INFO.value}
        now = self._now().timestamp()
        return {
            "labels": {**self._labels, **labels},
            "annotations": {"summary": message.subject},
            "startsAt": _time(now),
            "endsAt": _time(now + 60.0),
        }


def _name(label: str) -> str:
    name = _UNFIT.sub("_", label)
    name = f"_{name}" if name[:1].isdigit() else name
    return f"exported_{name}" if name in _TAKEN else name


def _time(instant: float) -> str:
    return datetime.fromtimestamp(instant, UTC).isoformat(timespec="milliseconds")


def open_receiver(settings: Mapping[str, Any]) -> Alertmanager:
    """Given the settings, return the driver."""
    return Alertmanager(settings["url"], settings["resend"], settings["labels"], SystemClock().now)
