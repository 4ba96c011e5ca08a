"""What the daemon tells the metrics: plain facts. Instants are seconds since the epoch, durations are seconds."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from agent.model.reasons import Reason
from agent.model.runs import RunOutcome
from agent.model.signals import ConditionState, Labels


class PolicyFacts(Struct, frozen=True, kw_only=True):
    """The policies in force, and whether the files as they are now are these.

    `loaded_at` is when the set in force was put in force, None while there is none.
    """

    valid: bool
    digest: str
    files: int
    mistakes: int
    loaded_at: float | None


class WebFacts(Struct, frozen=True, kw_only=True):
    """The web configuration: whether the files as they are now are in force, since when, and its certificate's end."""

    valid: bool
    loaded_at: float | None
    not_after: float | None


class TaskFacts(Struct, frozen=True, kw_only=True):
    """What the store remembers of a task, and when it falls due next; None is never.

    `failing` says that its last run, skipped, replaced and refused ones aside, ended otherwise than it should.
    """

    failing: bool = False
    last_run: float | None = None
    last_success: float | None = None
    next_due: float | None = None


class RunFacts(Struct, frozen=True, kw_only=True):
    """How a run ended. `seconds` is None when its process never began; `reason` is "" when nothing stood in its way."""

    task: str
    outcome: RunOutcome
    ended: float
    seconds: float | None = None
    reason: str = ""
    steps_undone: int = 0
    objects: Mapping[Reason, int] = field(default_factory=dict)


class BackupFacts(Struct, frozen=True, kw_only=True):
    """Where the backups of a task in a repository stand; None is never, or that there is none.

    `newest` and `proven` are when the newest backup and the newest proven one began; `level`, `bytes`, `stored`
    and `flaws` are the newest one's. The last proof was at `last_proof` and took `recovery` seconds. Deep verifications
    have read the share `read` of all, the last at `last_read`, and each backup at `oldest_read` or later.
    """

    repository: str
    task: str
    backups: int
    damaged: int = 0
    newest: float | None = None
    level: str = ""
    bytes: int | None = None
    stored: int | None = None
    flaws: int | None = None
    proven: float | None = None
    last_proof: float | None = None
    recovery: float | None = None
    last_read: float | None = None
    oldest_read: float | None = None
    read: float | None = None


class NotifierFacts(Struct, frozen=True, kw_only=True):
    """How it goes with a receiver of a notifier. Instants are seconds since the epoch; None is never, or nothing."""

    name: str
    delivered: int = 0
    failed: int = 0
    dropped: int = 0
    waiting: int = 0
    parked: int = 0
    oldest: float | None = None
    last_success: float | None = None


class IncidentFacts(Struct, frozen=True, kw_only=True):
    """How many incidents are not closed, by severity and state, how many were ever opened, and since when one waits.

    `oldest` is when the oldest one that nobody has acknowledged opened, None where there is none.
    """

    standing: Mapping[tuple[str, str], int]
    opened: int
    oldest: float | None


class ProbeFacts(Struct, frozen=True, kw_only=True):
    """What a probe of a kind has measured: what, labels and value; `error` tells that something could not be."""

    name: str
    kind: str
    samples: tuple[tuple[str, Labels, float], ...]
    error: bool


class ProberFacts(Struct, frozen=True, kw_only=True):
    """How many measurements hang, how often the prober was begun anew, and what it takes in seconds and bytes."""

    hung: int
    restarts: int
    cpu_seconds: float
    resident: int


class QueueFacts(Struct, frozen=True, kw_only=True):
    """Runs at work, runs that wait by reason, and what is held: name and reason."""

    running: int
    pending: Mapping[str, int]
    holds: Mapping[str, str]


class HistoryFacts(Struct, frozen=True, kw_only=True):
    """The chain of the history: how many records it has had, the last one's hash, and whether it had the head that was
    noted last when the agent started; None if that could not be known."""

    length: int
    head: str
    agrees: bool | None


class ThresholdFacts(Struct, frozen=True):
    """The state of one series of a threshold."""

    threshold: str
    series: Labels
    state: ConditionState


class DaemonFacts(Struct, frozen=True, kw_only=True):
    """The daemon itself. `loop_lag` is the worst since the last time these facts were told."""

    loop_lag: float
    wakeups: int
    cpu_seconds: float
    resident_bytes: int
    open_files: int
    threads: int
    store_bytes: int
