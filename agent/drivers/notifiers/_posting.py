"""One request to a receiver that speaks HTTP, and what its answer means."""

from __future__ import annotations

import base64
from collections.abc import Collection, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from urllib.parse import unquote, urlsplit

from agent.drivers.notifier import SECONDS
from agent.drivers.notifiers._address import hide
from agent.host.http.fetch import Asked, Fetched, fetch
from agent.host.wires import CannotTell, NoAnswer
from agent.model.notices import Answer
from agent.rules.notices.wording import one_line

_MOST = 1 << 20
"""Bytes of an answer: whoever answers with a whole page has taken the message too."""

_FOR_NOW = frozenset({408, 425, 429})
"""Statuses of 4xx that say nothing about the message."""


def request(
    url: str,
    *,
    method: str = "POST",
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    secrets: Collection[str] = (),
    seconds: float = SECONDS,
    now: float | None = None,
) -> Answer:
    """Send one request, and return what came of it; nowhere else is gone to, whatever the answer says.

    What is delivered has a status of 2xx and came whole. `now` is what a date in `Retry-After` counts from.
    """
    try:
        found = fetch(
            Asked(url=url, method=method, body=body, headers={**_login(url), **(headers or {})}, most=_MOST), seconds
        )
    except (NoAnswer, CannotTell) as error:
        return Answer(delivered=False, said=hide(str(error), secrets))
    status = found.status
    if 200 <= status < 300:
        return Answer(delivered=True, said=f"status {status}")
    text = one_line(hide(found.body.decode("utf-8", "replace"), secrets), 200)
    if 300 <= status < 400:
        text = "it leads elsewhere, and is not followed: write the address that it leads to"
    permanent = 300 <= status < 500 and status not in _FOR_NOW
    said = f"status {status}{f': {text}' if text else ''}"
    return Answer(delivered=False, said=said, permanent=permanent, retry_after=_retry_after(found, now))


def _login(url: str) -> dict[str, str]:
    parts = urlsplit(url)
    if parts.username is None:
        return {}
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
    return {"Authorization": f"Basic {base64.b64encode(pair).decode('ascii')}"}


def _retry_after(found: Fetched, now: float | None) -> float | None:
    text = found.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:6])
    try:
        then = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None
    then = then if then.tzinfo else then.replace(tzinfo=UTC)
    return None if now is None else max(0.0, then.timestamp() - now)
