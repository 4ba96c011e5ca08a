"""What the policies say, once valid: every quantity a number, every default filled, every name resolved.

Durations are seconds, sizes are bytes, percentages run from 0 to 100.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum, StrEnum
from typing import Any

from msgspec import Struct, field


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


class NoData(StrEnum):
    """Which verdict a missing measurement gives."""

    INCONCLUSIVE = "inconclusive"
    FAIL = "fail"
    PASS = "pass"


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


class Task(Struct, frozen=True):
    """A named piece of maintenance. `options` is the JSON text of valid, completed action options.

    In a policy set, they hold what they name of `databases` and `repositories` in place of the names.
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


class Window(Struct, frozen=True):
    """When maintenance may happen: from each instant of the cron line `opens`, for `lasts` elapsed seconds."""

    name: str
    opens: str
    lasts: float
    timezone: str
    position: Position


class Bound(Struct, frozen=True):
    """The values that violate a condition; exactly one of the three is set.

    `above` and `below` exclude the bound itself; `outside` is violated beyond either end of the inclusive range.
    """

    above: float | None = None
    below: float | None = None
    outside: tuple[float, float] | None = None


class Threshold(Struct, frozen=True):
    """A condition on a signal of the host, and the reaction when it fires.

    `clear` is the bound whose violation keeps a firing threshold firing; it equals `bound` when the policy gives
    none. `for_` seconds and `samples` measurements in a row must violate the bound before it fires. `incident` says
    whether it opens one when it fires, None leaves that to its severity; `runbook` is what to do then.
    """

    name: str
    description: str
    signal: str
    labels: Mapping[str, str]
    bound: Bound
    clear: Bound
    for_: float
    samples: int
    no_data: NoData
    severity: Severity
    run: tuple[str, ...]
    at_most: Breaker | None
    position: Position
    incident: bool | None = None
    runbook: tuple[Instruction, ...] = ()


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
