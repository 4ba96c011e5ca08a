"""Ask a database one thing, without being able to change it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import apsw

from agent.errors import RunFailed

_STEPS = 10_000
_LONGEST = 16 << 20
"""Bytes that a value may have, also one that is only on the way to a number: making it cannot be stopped."""


def queried(settings: Mapping[str, Any], query: str, timeout: float) -> list[str]:
    """Given a query, return the fields of its first two rows, one after the other; NULL is empty. Raises RunFailed."""
    ends = time.monotonic() + timeout
    path = settings["path"]
    try:
        connection = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_NOFOLLOW)
        try:
            connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)
            connection.limit(apsw.SQLITE_LIMIT_ATTACHED, 0)
            connection.limit(apsw.SQLITE_LIMIT_LENGTH, _LONGEST)
            connection.set_busy_timeout(int(timeout * 1000))
            connection.set_progress_handler(lambda: time.monotonic() >= ends, _STEPS)
            whole = f"SELECT * FROM ({query.rstrip().rstrip(';')}\n) AS probe LIMIT 2"
            return [_text(field) for row in connection.execute(whole) for field in row]
        finally:
            connection.close()
    except apsw.InterruptError as error:
        raise RunFailed(f"{path}: no answer within {timeout:g} s") from error
    except apsw.Error as error:
        raise RunFailed(f"{path}: {error}") from error


def _text(field: object) -> str:
    if isinstance(field, bytes):
        return f"{len(field)} bytes"
    return "" if field is None else str(field)
