"""A reload as the store carries it: whoever asks leaves a number, and the daemon answers up to which it has decided."""

from __future__ import annotations

from typing import Any

from msgspec import Struct, convert
from msgspec.structs import asdict

from agent.store import Store

REQUEST = "reload.request"
ANSWER = "reload.answer"


class Answer(Struct, frozen=True, kw_only=True):
    """What became of the policy files: `valid` says whether they are in force as they are.

    `digest`, `files` and `tasks` are of the set in force, whatever came of it, and `changed` says whether it is another
    one than before. `mistakes` are the first of them, `more` counts the rest.
    """

    number: int
    valid: bool
    changed: bool
    digest: str
    files: int
    tasks: int
    mistakes: tuple[str, ...]
    more: int


def ask(store: Store) -> int:
    """Leave a request in the store and return its number; the daemon looks for it at SIGHUP."""
    with store.connection.transaction():
        number = requested(store) + 1
        store.facts.set(REQUEST, number)
    return number


def requested(store: Store) -> int:
    """Return the number of the latest request, 0 when there was none."""
    number = store.facts.get(REQUEST)
    return number if isinstance(number, int) else 0


def answer(store: Store, given: Answer) -> None:
    """Answer every request up to the number of the answer."""
    store.facts.set(ANSWER, asdict(given))


def answered(store: Store, number: int) -> Answer | None:
    """Given the number of a request, return the answer to it, None while there is none."""
    told: Any = store.facts.get(ANSWER)
    given = convert(told, Answer) if told is not None else None
    return given if given is not None and given.number >= number else None
