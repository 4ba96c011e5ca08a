"""What the policies say, once valid: every quantity a number, every default filled, every name resolved.

Durations are seconds, sizes are bytes, percentages run from 0 to 100.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum, StrEnum
from typing import Any

from msgspec import Struct, field

from agent.model.conditions import Bound, Condition


class Category(StrEnum):
    """The kinds of maintenance of ISO/IEC 14764."""

    PREVENTIVE = "preventive"
    CORRECTIVE = "corrective"
    ADAPTIVE = "adaptive"
    PERFECTIVE = "perfective"


class Priority(IntEnum):
    """A lower number goes first; policies write the name in lower case."""

    CRITICAL = 0
    HIGH = 1
    NORMAL = 2
    LOW = 3


class Overlap(StrEnum):
    """What happens when a task falls due while a run of it has not ended."""

    SKIP = "skip"
    QUEUE = "queue"
    REPLACE = "replace"


class Severity(StrEnum):
    """How bad it is when a threshold fires."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class Instruction(Struct, frozen=True):
    """One step of a runbook: what to do or to look at, and the task that does it, "" where a person has to."""

    text: str
    run: str = ""


class Position(Struct, frozen=True):
    """Where in which file something was written; lines and columns count from 1."""

    file: str
    line: int
    column: int


class Schedule(Struct, frozen=True):
    """When a task falls due.

    `text` is a cron line, an `@name` or an `every ...` phrase. `timezone` is a name of the tz database,
    or `local` for the host's own. `jitter` is the width of the delay that is stable per host and task.
    """

    text: str
    timezone: str
    jitter: float
    catch_up: bool


class Retry(Struct, frozen=True):
    """How often a failed run is tried in all, and how long to wait in between."""

    attempts: int
    delay: float


class Limits(Struct, frozen=True):
    """The blast radius: a run that would touch more is refused before it touches anything."""

    items: int | None = None
    bytes: int | None = None
    percent: float | None = None


class Breaker(Struct, frozen=True):
    """A remedy may run `times` within `per` seconds; then it is held until an admin releases it."""

    times: int
    per: float


class Notify(Struct, frozen=True):
    """Who is told of a task's runs: `on` are values of `agent.model.notices.Event`."""

    to: tuple[str, ...]
    on: tuple[str, ...]
    severity: Severity


class Task(Struct, frozen=True):
    """A named piece of maintenance. `options` is the JSON text of valid, completed action options.

    In a policy set, they hold what they name of `databases` and `repositories` in place of the names. While a run is
    at work, and for `mutes_for` seconds after it, the thresholds of `mutes` are muted.
    """

    name: str
    description: str
    category: Category
    action: str
    options: str
    schedule: Schedule | None
    window: str | None
    priority: Priority
    needs: tuple[str, ...]
    enabled: bool
    max_duration: float
    retry: Retry
    overlap: Overlap
    limits: Limits
    at_most: Breaker | None
    position: Position
    notify: Notify | None = None
    mutes: tuple[str, ...] = ()
    mutes_for: float = 0.0


class Window(Struct, frozen=True):
    """When maintenance may happen: from each instant of the cron line `opens`, for `lasts` elapsed seconds."""

    name: str
    opens: str
    lasts: float
    timezone: str
    position: Position


class Threshold(Struct, frozen=True):
    """A condition on a signal, and the reaction when it fires.

    `incident` says whether it opens one when it fires, None leaves that to its severity; `runbook` is what to do then.
    The tasks of `run` are its remedies: at most `at_most` of each for one series, in the windows of the tasks only if
    `wait_for_window`. Where the condition has not cleared `helps_within` seconds after a remedy, the remedy did not
    help, and after `gives_up_after` such times it is held. While one of `parents` fires, it is muted.
    """

    name: str
    description: str
    condition: Condition
    severity: Severity
    run: tuple[str, ...]
    at_most: Breaker | None
    position: Position
    incident: bool | None = None
    runbook: tuple[Instruction, ...] = ()
    notify: tuple[str, ...] = ()
    wait_for_window: bool = False
    helps_within: float | None = None
    gives_up_after: int = 3
    parents: tuple[str, ...] = ()

    @property
    def signal(self) -> str:
        """The name of the signal it is about."""
        return self.condition.signal

    @property
    def labels(self) -> Mapping[str, str]:
        """The labels that its series carry."""
        return self.condition.labels

    @property
    def bound(self) -> Bound:
        """The values that violate it."""
        return self.condition.bound


class Definition(Struct, frozen=True):
    """A database or a repository: the driver of its engine, and that driver's settings, completed and JSON-able."""

    name: str
    driver: str
    settings: Mapping[str, Any]
    position: Position


class Probe(Struct, frozen=True):
    """A source of signals beside the host: what kind it is, that kind's settings, completed and JSON-able.

    Its signals are named `<probe>.<what>`. It measures `every` so many seconds, stable `jitter` seconds later at most,
    and within `timeout` seconds.
    """

    name: str
    kind: str
    settings: Mapping[str, Any]
    every: float
    timeout: float
    jitter: float
    position: Position


class Quiet(Struct, frozen=True):
    """The hours of the day in which a notifier keeps silent: from and to minutes after midnight of a time zone.

    They may span midnight. What is of one of the `unless` severities is told all the same.
    """

    start: int
    end: int
    timezone: str
    unless: tuple[Severity, ...]


class Repeat(Struct, frozen=True):
    """Reminders while something fires: the first after so many seconds, each after twice the time, `most` at most."""

    first: float
    most: float


class Template(Struct, frozen=True):
    """What messages look like; `agent.rules.notices.template` knows the placeholders. "" is the agent's own way."""

    subject: str
    body: str


class Notifier(Struct, frozen=True, kw_only=True):
    """Somebody who is told: the kind of the driver and its settings, completed and JSON-able.

    It is told of what is as severe as `severity` or more, `group_wait` seconds late so that what comes together is
    told together. What could not be delivered within `expire` seconds is dropped.
    """

    name: str
    kind: str
    settings: Mapping[str, Any]
    severity: Severity
    group_wait: float
    repeat: Repeat | None
    quiet: Quiet | None
    template: Template
    expire: float
    position: Position


class PolicySet(Struct, frozen=True):
    """All policies in force, cross-checked. `digest` names exactly these bytes; `files` counts them."""

    digest: str
    files: int
    windows: Mapping[str, Window]
    tasks: Mapping[str, Task]
    thresholds: Mapping[str, Threshold]
    databases: Mapping[str, Definition] = field(default_factory=dict)
    repositories: Mapping[str, Definition] = field(default_factory=dict)
    probes: Mapping[str, Probe] = field(default_factory=dict)
    notifiers: Mapping[str, Notifier] = field(default_factory=dict)
