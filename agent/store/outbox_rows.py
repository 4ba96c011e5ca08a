"""Rows of the outbox: how they are sealed, and what they are when they are read."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from agent.errors import StoreError
from agent.model.notices import Kept, Message, State
from agent.model.reasons import Reason
from agent.model.runs import RunState
from agent.store.seal import Value, seal, verified

LOG = logging.getLogger(__name__)
NOTICES = "notifier, at, body"
ALERTS = "notifier, key, next, body"
MESSAGES = "seq, id, receiver, made, state, tries, answer, ended, body"
KEYS: Mapping[str, tuple[str, str]] = {
    "notices": ("seq", NOTICES),
    "alerts": ("notifier || char(0) || key", ALERTS),
    "messages": ("seq", MESSAGES),
}
"""By table what tells its rows apart, and the columns that are sealed."""

OF_ITS_OWN = f"NOT (state = '{RunState.SKIPPED}' AND why IN ('{Reason.OVERLAP}', '{Reason.SUPERSEDED}'))"
"""Leaves out, of the table of runs, those that another run of their task stood in for: nobody is told of them."""


def whole(table: str, rows: Iterable[Sequence[Value]]) -> Iterator[Sequence[Value]]:
    """Yield the rows that are what was written; a damaged one must not keep the others from being told."""
    for row in rows:
        try:
            yield verified(table, row)
        except StoreError as error:
            LOG.error("%s; nobody is told of it", error)


def kept_of(row: Sequence[Value]) -> Kept:
    """Given the columns of MESSAGES, return the message that they are."""
    return Kept(
        seq=int(row[0] or 0),
        message=msgspec.json.decode(str(row[8]), type=Message),
        state=State(str(row[4])),
        tries=int(row[5] or 0),
        answer=str(row[6]),
        ended=None if row[7] is None else float(row[7]),
    )


def text_of(value: Any) -> str:
    """Given a value of msgspec, return it as JSON."""
    return msgspec.json.encode(value).decode()


def sealed(table: str, values: tuple[Value, ...]) -> tuple[Value, ...]:
    """Given the columns of a row, return them with its seal."""
    return (*values, seal(table, values))
