"""A message as JSON by POST, to whatever takes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from agent.drivers.notifiers._address import secrets_of, web_address_of
from agent.drivers.notifiers._posting import request
from agent.model.notices import Answer, Item, Message


class Webhook:
    """POSTs to one address. The id of a message is its `Idempotency-Key`, so that one that comes twice is known."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._secrets = secrets_of(url)

    def send(self, message: Message) -> Answer:
        """Post a message."""
        body = msgspec.json.encode(
            {
                "id": message.id,
                "host": message.host,
                "test": message.test,
                "made": message.made,
                "severity": message.severity,
                "event": message.event,
                "subject": message.subject,
                "body": message.body,
                "items": [_told(item) for item in message.items],
            }
        )
        headers = {"Content-Type": "application/json", "Idempotency-Key": message.id}
        return request(self._url, body=body, headers=headers, secrets=self._secrets)

    def alive(self) -> Answer:
        """Say nothing: no webhook waits for it."""
        return Answer(delivered=True, said="")


def _told(item: Item) -> dict[str, Any]:
    notice = item.notice
    return {
        "event": notice.event,
        "subject": notice.subject,
        "severity": notice.severity,
        "at": notice.at,
        "since": notice.since,
        "lasted": item.lasted,
        "signal": notice.signal,
        "labels": dict(notice.labels),
        "value": notice.value,
        "description": notice.description,
        "detail": notice.detail,
        "run": notice.run or None,
        "done": item.done,
    }


def open_receiver(settings: Mapping[str, Any]) -> Webhook:
    """Given the settings, return the driver. Raises RunFailed."""
    return Webhook(web_address_of(settings))
