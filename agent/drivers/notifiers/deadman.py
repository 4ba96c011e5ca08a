"""A dead man's switch: it hears of what begins and ends, and raises an alarm when it hears nothing.

The addresses are those of healthchecks.io: `URL/start`, `URL` and `URL/fail`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from agent.drivers.notifiers._address import secrets_of, web_address_of
from agent.drivers.notifiers._posting import request
from agent.model.notices import Answer, Event, Message

_ENDINGS = {
    Event.START: "/start",
    Event.SUCCESS: "",
    Event.RECOVERY: "",
    Event.CLEARED: "",
    Event.FAILURE: "/fail",
    Event.MISSED: "/fail",
    Event.HELD: "/fail",
    Event.FIRED: "/fail",
    Event.REMINDER: "/fail",
    Event.TRY: "/log",
    Event.SKIPPED: "/log",
}
"""What is added to the path; `/log` is heard and changes nothing."""


class Deadman:
    """Pings one switch."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._secrets = secrets_of(url)

    def send(self, message: Message) -> Answer:
        """Ping for each thing that a message tells, in order; a test is heard and changes nothing."""
        endings = [_ENDINGS[item.notice.event] for item in message.items] or ["/log"]
        answer = Answer(delivered=True, said="")
        for ending in endings:
            answer = self._ping(ending, message.subject)
            if not answer.delivered:
                break
        return answer

    def alive(self) -> Answer:
        """Ping: all is well."""
        return self._ping("", "")

    def _ping(self, ending: str, text: str) -> Answer:
        parts = urlsplit(self._url)
        url = urlunsplit(parts._replace(path=parts.path.rstrip("/") + ending))
        return request(url, body=text.encode(), headers={"Content-Type": "text/plain"}, secrets=self._secrets)


def open_receiver(settings: Mapping[str, Any]) -> Deadman:
    """Given the settings, return the driver. Raises RunFailed."""
    return Deadman(web_address_of(settings))
