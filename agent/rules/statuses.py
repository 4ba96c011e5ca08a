"""Which statuses of HTTP a policy wants. Pure."""

from __future__ import annotations

from typing import Any


def expected(wanted: Any, status: int) -> bool:
    """Given a status, a class such as `2xx`, or a list of these, tell whether a status is among them."""
    if isinstance(wanted, list):
        return any(expected(one, status) for one in wanted)
    text = str(wanted)
    return str(status)[0] == text[0] if text.endswith("xx") else str(status) == text
