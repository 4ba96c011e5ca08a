"""What people are told: notices of what happened, messages made of them, and what became of each."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from msgspec import Struct

from agent.model.policies import Severity


class Event(StrEnum):
    """What a notice tells of. The first three are of thresholds, the others of runs of a task, or of a hold."""

    FIRED = "fired"
    CLEARED = "cleared"
    REMINDER = "reminder"
    START = "start"
    SUCCESS = "success"
    TRY = "try"
    FAILURE = "failure"
    RECOVERY = "recovery"
    MISSED = "missed"
    SKIPPED = "skipped"
    HELD = "held"


OF_THRESHOLDS = frozenset({Event.FIRED, Event.CLEARED, Event.REMINDER})
GOOD = frozenset({Event.CLEARED, Event.SUCCESS, Event.RECOVERY})


class Notice(Struct, frozen=True, kw_only=True):
    """Something that happened, for one notifier; instants are seconds since the epoch.

    `subject` is the name of a threshold or task, `key` what tells its series apart from others, `since` when what it
    tells of began: when the threshold fired, the run started, or the task that recovers first failed. `detail` is a
    sentence, `run` the run it is of, 0 for none. `seq` is its place in the store, 0 before it is there.
    """

    notifier: str
    event: Event
    subject: str
    key: str
    severity: Severity
    at: float
    since: float
    description: str = ""
    signal: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    value: float | None = None
    detail: str = ""
    run: int = 0
    seq: int = 0


class Alert(Struct, frozen=True, kw_only=True):
    """A threshold that fires and of which a notifier was told: `reminders` so far, and when the `next` is due."""

    notice: Notice
    reminders: int
    next: float


class Item(Struct, frozen=True, kw_only=True):
    """One thing that a message tells; `lasted` is seconds, `done` what was done about it, in words.

    `unheard` is a threshold that fired and cleared before anybody was told.
    """

    notice: Notice
    lasted: float
    done: tuple[str, ...] = ()
    unheard: bool = False


class State(StrEnum):
    """Where a message stands."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    PARKED = "parked"
    DROPPED = "dropped"


class Message(Struct, frozen=True, kw_only=True):
    """A message for one receiver. `id` stays the same however often it is sent, so that receivers know it again.

    `subject` and `body` are what people read, `items` what programs do. A `refresh` says nothing new: it keeps what
    fires from being taken for over.
    """

    id: str
    receiver: str
    made: float
    severity: Severity
    event: Event
    subject: str
    body: str
    items: tuple[Item, ...]
    host: str
    test: bool = False
    refresh: bool = False


class Kept(Struct, frozen=True, kw_only=True):
    """A message in the store: its state, how often it was tried, and what the receiver said last."""

    seq: int
    message: Message
    state: State
    tries: int
    answer: str
    ended: float | None


class Tally(Struct, frozen=True, kw_only=True):
    """What is there for a receiver: how many messages wait and are parked, and when the `oldest` that waits was made.

    `tried` of those that wait were tried before, the oldest of which was made at `late`.
    """

    waiting: int = 0
    parked: int = 0
    oldest: float | None = None
    tried: int = 0
    late: float | None = None


class Receiver(Struct, frozen=True, kw_only=True):
    """One place that a notifier sends to: the kind of its driver, and that driver's settings for this place alone."""

    name: str
    notifier: str
    kind: str
    settings: Mapping[str, Any]


class Standing(Struct, frozen=True, kw_only=True):
    """How it goes with a receiver. `untold` counts dropped messages that it has not been told of.

    `streak` counts failures in a row, and nothing is sent before `not_before`.
    """

    receiver: str
    delivered: int = 0
    failed: int = 0
    dropped: int = 0
    untold: int = 0
    streak: int = 0
    not_before: float = 0.0
    last_success: float | None = None
    last_error: str = ""


class Answer(Struct, frozen=True, kw_only=True):
    """What a receiver said: `delivered`, or not, and then whether for good.

    `retry_after` is how many seconds it asked to be left alone; `said` is a sentence without any secret.
    """

    delivered: bool
    said: str
    permanent: bool = False
    retry_after: float | None = None
