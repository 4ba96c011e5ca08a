"""Every metric of the agent: name, type, help and labels, in one place.

Names follow Prometheus: base units, `_total` for counters. The name of a counter here leaves `_total` out and that of
an info leaves `_info` out, as OpenMetrics has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

from agent.model.signals import SignalSpec

PREFIX = "hostkeeper_"


class Kind(StrEnum):
    """The types of OpenMetrics that are used."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"
    INFO = "info"


class Family(Struct, frozen=True):
    """A metric family. `bounds` are the upper bounds of a histogram's buckets, without the infinite one.

    Series of the families about thresholds carry the labels of the watched series too.
    """

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()

    @property
    def unit(self) -> str:
        """The unit that the name ends with, or "" for a bare number."""
        return next((unit for unit in ("seconds", "bytes", "ratio", "celsius") if self.name.endswith(f"_{unit}")), "")


def _counter(name: str, text: str, *labels: str) -> Family:
    return Family(PREFIX + name, Kind.COUNTER, text, labels)


def _gauge(name: str, text: str, *labels: str) -> Family:
    return Family(PREFIX + name, Kind.GAUGE, text, labels)


_MINUTES_TO_HOURS = (0.1, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 10800.0, 43200.0)
_MILLISECONDS_TO_MINUTES = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 60.0)

BUILD = Family(PREFIX + "build", Kind.INFO, "The version of the agent and of its Python.", ("version", "python"))

POLICIES_VALID = _gauge(
    "policies_valid", "1 when the policy files as they are now are in force, 0 when they have mistakes."
)
POLICIES_INFO = Family(PREFIX + "policies", Kind.INFO, "The digest of the policy set in force.", ("digest",))
POLICIES_FILES = _gauge("policies_files", "Policy files of the set in force.")
POLICIES_MISTAKES = _gauge("policies_mistakes", "Mistakes in the policy files at the last load.")
POLICIES_LOADED = _gauge(
    "policies_last_reload_success_timestamp_seconds",
    "When policies were last put in force, in seconds since the epoch.",
)
POLICIES_RELOADS = _counter("policies_reloads", "Loads of the policies by outcome.", "outcome")

WEB_VALID = _gauge("web_config_valid", "1 when the web configuration as it is now is in force, 0 when it has mistakes.")
WEB_LOADED = _gauge(
    "web_config_last_reload_success_timestamp_seconds",
    "When a web configuration was last put in force, in seconds since the epoch.",
)
WEB_CERTIFICATE = _gauge(
    "web_certificate_expiry_timestamp_seconds",
    "When the certificate of the metrics port expires, in seconds since the epoch.",
)

RUNS = _counter(
    "runs",
    "Runs that ended, by how they ended: in a state, or replaced, or a plan that was refused.",
    "task",
    "outcome",
)
RUN_DURATION = Family(
    PREFIX + "run_duration_seconds", Kind.HISTOGRAM, "How long runs took, suspends aside.", ("task",), _MINUTES_TO_HOURS
)
RUN_START_DELAY = Family(
    PREFIX + "run_start_delay_seconds",
    Kind.HISTOGRAM,
    "How long after its due time, and after nothing held it back, a run was started.",
    (),
    _MILLISECONDS_TO_MINUTES,
)
LAST_RUN = _gauge(
    "task_last_run_timestamp_seconds", "When the last run of a task ended, in seconds since the epoch.", "task"
)
LAST_SUCCESS = _gauge(
    "task_last_success_timestamp_seconds", "When a run of a task last succeeded, in seconds since the epoch.", "task"
)
FAILING = _gauge(
    "task_failing",
    "1 while the last run of a task, skipped, replaced and refused ones aside, failed, was undone, stuck or missed.",
    "task",
)
NEXT_DUE = _gauge("task_next_due_timestamp_seconds", "When a task falls due next, in seconds since the epoch.", "task")
STEPS_UNDONE = _counter("steps_undone", "Steps that were taken back.", "task")
SKIPS = _counter("skips", "Runs that were skipped or missed, by reason.", "task", "reason")
REFUSALS = _counter("refusals", "Runs that were refused before they touched anything, by reason.", "task", "reason")
OBJECTS = _counter("objects", "Objects that were judged, by why each was kept or deleted.", "task", "reason")

_SERIES = ("repository", "task")
BACKUPS = _gauge("backups", "Backups that a task has in a repository.", *_SERIES)
BACKUPS_DAMAGED = _gauge(
    "backups_damaged", "Backups in which a verification found damage, and that were not proven since.", *_SERIES
)
BACKUP_NEWEST = _gauge(
    "backup_newest_timestamp_seconds", "When the newest backup began, in seconds since the epoch.", *_SERIES
)
BACKUP_LEVEL = _gauge("backup_newest_level", "1 for the level of the newest backup.", *_SERIES, "level")
BACKUP_BYTES = _gauge("backup_newest_read_bytes", "What was read for the newest backup.", *_SERIES)
BACKUP_STORED = _gauge("backup_newest_stored_bytes", "What the newest backup added to its repository.", *_SERIES)
BACKUP_FLAWS = _gauge("backup_newest_flaws", "What is missing from the newest backup: 0 for a good one.", *_SERIES)
BACKUP_PROVEN = _gauge(
    "backup_proven_timestamp_seconds",
    "When the newest backup that a restore has proven, and that was not found damaged since, began, in seconds since "
    "the epoch: the recovery point.",
    *_SERIES,
)
BACKUP_LAST_PROOF = _gauge(
    "backup_last_proof_timestamp_seconds",
    "When a restore last proved a backup that was not found damaged since, in seconds since the epoch.",
    *_SERIES,
)
BACKUP_RECOVERY = _gauge(
    "backup_recovery_duration_seconds", "How long the restore that last proved a backup took.", *_SERIES
)
BACKUP_LAST_READ = _gauge(
    "backup_last_deep_verification_timestamp_seconds",
    "When a backup was last read whole to verify it, in seconds since the epoch.",
    *_SERIES,
)
BACKUP_OLDEST_READ = _gauge(
    "backup_oldest_deep_verification_timestamp_seconds",
    "Since when every backup has been read whole, in seconds since the epoch; absent while one never was.",
    *_SERIES,
)
BACKUP_READ = _gauge(
    "backup_deep_verified_ratio", "Share of the stored bytes that were read whole to verify them.", *_SERIES
)

RUNS_RUNNING = _gauge("runs_running", "Runs whose process is at work.")
RUNS_PENDING = _gauge("runs_pending", "Runs that wait, by what they wait for.", "reason")
HOLDS = _gauge("hold", "1 for each task or threshold that is held until an admin releases it.", "name", "reason")

THRESHOLD_FIRING = _gauge("threshold_firing", "1 while a threshold fires for a series, else 0.", "threshold")
THRESHOLD_PENDING = _gauge(
    "threshold_pending", "1 while a threshold is violated but not for long enough to fire, else 0.", "threshold"
)
THRESHOLD_VERDICT = _gauge(
    "threshold_verdict", "1 for the verdict of the last evaluation, 0 for the three others.", "threshold", "verdict"
)
THRESHOLD_VALUE = _gauge(
    "threshold_value", "The number last compared with the bound, in the signal's own unit.", "threshold"
)
THRESHOLD_MUTED = _gauge(
    "threshold_muted", "1 while a threshold fires for a series and is told to nobody, with why.", "threshold", "reason"
)
THRESHOLD_EVENTS = _counter("threshold_events", "How often a threshold fired and cleared.", "threshold", "event")

SAMPLINGS = _counter("samplings", "Passes over the signals of the host.")
SAMPLING_SECONDS = _gauge("sampling_duration_seconds", "How long the last pass over the signals of the host took.")
SAMPLING_FAILED = _gauge(
    "sampling_failed", "1 for each group of signals that the last pass could not measure.", "group"
)

LOOP_LAG = _gauge("loop_lag_seconds", "How late the heartbeat was at worst since the last pass over the signals.")
LOOP_WAKEUPS = _counter("loop_wakeups", "How often the daemon woke up.")
CPU_SECONDS = _counter("process_cpu_seconds", "Processor time of the daemon.")
MEMORY = _gauge("process_resident_memory_bytes", "Resident memory of the daemon.")
OPEN_FILES = _gauge("process_open_fds", "File descriptors that the daemon has open.")
THREADS = _gauge("process_threads", "Threads of the daemon.")
STARTED = _gauge("process_start_time_seconds", "When the daemon started, in seconds since the epoch.")
STORE_SIZE = _gauge("store_size_bytes", "Size of the store's files.")

HISTORY_LENGTH = _gauge(
    "history_length",
    "Records that the hash chain of the history has had; it falls only when an older store is put back.",
)
HISTORY_HEAD = _gauge(
    "history_head", "The first 48 bits of the hash of the chain's last record, for `hostkeeper history verify --head`."
)
HISTORY_AGREES = _gauge(
    "history_agrees", "1 if the chain had the head that was noted last when the agent started, else 0."
)

HTTP_REQUESTS = _counter("http_requests", "Requests that were answered, by path and status.", "path", "status")
HTTP_CONNECTIONS = _counter("http_connections", "Connections that were accepted.")
HTTP_DROPPED = _counter("http_connections_dropped", "Connections that were ended before the client was done.", "reason")

SERIES_OMITTED = _gauge("series_omitted", "Series that a family has beyond what is exported.", "family")
TASKS_OMITTED = _gauge("tasks_omitted", "Tasks beyond those that have numbers of their own.")

OF_POLICIES = (
    *(BUILD, POLICIES_VALID, POLICIES_INFO, POLICIES_FILES, POLICIES_MISTAKES),
    *(POLICIES_LOADED, POLICIES_RELOADS, WEB_VALID, WEB_LOADED, WEB_CERTIFICATE),
)
OF_TASKS = (
    *(RUNS, RUN_DURATION, LAST_RUN, LAST_SUCCESS, FAILING, NEXT_DUE),
    *(STEPS_UNDONE, SKIPS, REFUSALS, OBJECTS),
)
SELFTEST_AT = _gauge(
    "selftest_timestamp_seconds", "When a threshold was last tried by `hostkeeper selftest`.", "threshold"
)
SELFTEST_PASSED = _gauge(
    "selftest_passed", "1 where probe, condition, reaction and notifiers of it all answered then, else 0.", "threshold"
)
OF_SELFTESTS = (SELFTEST_AT, SELFTEST_PASSED)
INCIDENTS = _gauge("incidents", "Incidents that are not closed.", "severity", "state")
INCIDENTS_OPENED = _counter("incidents_opened", "Incidents opened since there is a store.")
INCIDENT_OLDEST = _gauge(
    "incident_oldest_timestamp_seconds",
    "When the oldest incident that nobody has acknowledged opened, in seconds since the epoch.",
)
PROBE_RESULTS = _counter("probe_results", "Measurements of probes: a value, an error, or no data.", "probe", "outcome")
PROBE_VALUE = _gauge("probe_value", "A number of a probe whose signals are its source's own.", "probe", "signal")
TASK_VALUE = _gauge("task_value", "A number that a task found out in its last run.", "task", "signal")
PROBE_LATENESS = Family(
    PREFIX + "probe_lateness_seconds",
    Kind.HISTOGRAM,
    "How long after their time measurements of probes began.",
    (),
    (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0),
)
PROBES_HUNG = _gauge("probes_hung", "Measurements that should have come back and have not.")
PROBER_RESTARTS = _counter("prober_restarts", "How often the prober's process was begun anew.")
PROBER_CPU = _counter("prober_cpu_seconds", "Processor time of the prober's process and of what it ran.")
PROBER_MEMORY = _gauge("prober_resident_memory_bytes", "Resident memory of the prober's process.")
OF_PROBES = (PROBE_RESULTS, PROBE_VALUE, PROBE_LATENESS, PROBES_HUNG, PROBER_RESTARTS, PROBER_CPU, PROBER_MEMORY)
OF_READINGS = (TASK_VALUE,)
OF_INCIDENTS = (INCIDENTS, INCIDENTS_OPENED, INCIDENT_OLDEST)
OF_BACKUPS = (
    *(BACKUPS, BACKUPS_DAMAGED, BACKUP_NEWEST, BACKUP_LEVEL, BACKUP_BYTES, BACKUP_STORED, BACKUP_FLAWS),
    *(BACKUP_PROVEN, BACKUP_LAST_PROOF, BACKUP_RECOVERY, BACKUP_LAST_READ, BACKUP_OLDEST_READ, BACKUP_READ),
)
_DELIVERED = "Messages that a receiver took, signs of life included, since there is a store."
NOTICES_DELIVERED = _counter("notifier_delivered", _DELIVERED, "notifier")
NOTICES_FAILED = _counter("notifier_failed", "Deliveries that a receiver did not take, retries included.", "notifier")
NOTICES_DROPPED = _counter("notifier_dropped", "Messages that were given up: too old, or too many.", "notifier")
NOTICES_WAITING = _gauge("notifier_waiting", "Messages that wait to be delivered.", "notifier")
NOTICES_PARKED = _gauge("notifier_parked", "Messages that a receiver refused for good.", "notifier")
_OLDEST = "When the oldest message that waits was made, in seconds since the epoch."
NOTICES_OLDEST = _gauge("notifier_oldest_waiting_timestamp_seconds", _OLDEST, "notifier")
_LAST_TAKEN = "When a receiver last took something, in seconds since the epoch."
NOTICES_LAST = _gauge("notifier_last_success_timestamp_seconds", _LAST_TAKEN, "notifier")
OF_NOTIFIERS = (
    *(NOTICES_DELIVERED, NOTICES_FAILED, NOTICES_DROPPED),
    *(NOTICES_WAITING, NOTICES_PARKED, NOTICES_OLDEST, NOTICES_LAST),
)
OF_THRESHOLDS = (THRESHOLD_FIRING, THRESHOLD_PENDING, THRESHOLD_VERDICT, THRESHOLD_MUTED, THRESHOLD_EVENTS)
OF_THRESHOLD_VALUES = (THRESHOLD_VALUE,)
OF_DAEMON = (
    *(RUNS_RUNNING, RUNS_PENDING, HOLDS, SAMPLINGS, SAMPLING_SECONDS, SAMPLING_FAILED),
    *(LOOP_LAG, LOOP_WAKEUPS, CPU_SECONDS, MEMORY, OPEN_FILES, THREADS, STARTED, STORE_SIZE),
    *(HISTORY_LENGTH, HISTORY_HEAD, HISTORY_AGREES),
    *(HTTP_REQUESTS, HTTP_CONNECTIONS, HTTP_DROPPED, SERIES_OMITTED, TASKS_OMITTED),
)

_EXPORTED_AS: Mapping[str, str] = {"process.count": "processes"}
"""Signals whose name Prometheus would misread: `_count` belongs to histograms."""


def family_of(signal: SignalSpec) -> Family:
    """Given a signal of the host, return its family; percentages are exported as ratios, Prometheus' base unit."""
    name = _EXPORTED_AS.get(signal.name, signal.name.replace(".", "_"))
    if name.endswith("_percent"):
        name = f"{name.removesuffix('_percent')}_ratio"
    return Family(f"{PREFIX}host_{name}", Kind.GAUGE, signal.help, signal.labels)


def family_of_probe(kind: str, signal: SignalSpec) -> Family:
    """Given a kind of probe and one of its signals, return its family: the same for every kind that gives it alike."""
    every = signal.name in ("up", "duration_seconds")
    name = _EXPORTED_AS.get(f"process.{signal.name}", signal.name).replace(".", "_")
    return Family(
        f"{PREFIX}probe_{name}" if every else f"{PREFIX}probe_{kind}_{name}",
        Kind.GAUGE,
        signal.help,
        ("probe", *signal.labels),
    )


def scale_of(signal: SignalSpec) -> float:
    """Given a signal, return what its numbers are multiplied by when they are exported."""
    return 0.01 if signal.unit == "percent" else 1.0
