"""The numbers that the agent acts on, for Prometheus: told as plain records, shown as a page."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from agent.metrics import families as f
from agent.metrics.backups import BackupMetrics
from agent.metrics.block import Block
from agent.metrics.notifiers import show_notifiers
from agent.metrics.observed import HostMetrics, ThresholdMetrics
from agent.metrics.page import Page
from agent.metrics.probes import ProbeMetrics
from agent.metrics.records import (
    BackupFacts,
    DaemonFacts,
    HistoryFacts,
    IncidentFacts,
    NotifierFacts,
    PolicyFacts,
    ProbeFacts,
    ProberFacts,
    QueueFacts,
    RunFacts,
    TaskFacts,
    ThresholdFacts,
    WebFacts,
)
from agent.metrics.tasks import TaskMetrics
from agent.model.signals import Labels, Sample, Sampling, SignalSpec
from agent.rules.conditions import Event

if TYPE_CHECKING:
    from agent.host.http import Counts  # the server is begun once the agent is ready

_NOTHING: Labels = ()


class Metrics:
    """Takes facts from any thread, and renders the page in the thread that asks for it.

    `signals` are the signals of the host that may be told; `version` is the agent's, `started` when it started, in
    seconds since the epoch.
    """

    def __init__(self, signals: Mapping[str, SignalSpec], version: str, started: float) -> None:
        self._lock = threading.Lock()
        self._policies = Block(f.OF_POLICIES)
        self._tasks = TaskMetrics()
        self._backups = BackupMetrics()
        self._incidents = Block(f.OF_INCIDENTS)
        self._selftests = Block(f.OF_SELFTESTS)
        self._notifiers = Block(f.OF_NOTIFIERS)
        self._thresholds = ThresholdMetrics()
        self._probes = ProbeMetrics()
        self._readings = Block(f.OF_READINGS)
        self._host = HostMetrics(signals)
        self._daemon = Block(f.OF_DAEMON)
        # What changes least stands first.
        self._blocks = (
            self._policies,
            self._tasks.block,
            self._backups.block,
            self._incidents,
            self._selftests,
            self._notifiers,
            self._readings,
            self._thresholds.block,
            self._thresholds.values,
            self._host.block,
            self._probes.block,
            self._daemon,
        )
        self._page = Page(self._blocks)
        self._sampling: tuple[Sampling, float] | None = None
        self._samplings = 0
        self._states: Callable[[], Sequence[ThresholdFacts]] | None = None
        self._facts: tuple[DaemonFacts | Callable[[], DaemonFacts], Counts | None] | None = None
        self._policies.put(f.BUILD, (("version", version), ("python", ".".join(map(str, sys.version_info[:3])))), 1.0)
        self._daemon.put(f.STARTED, _NOTHING, started)

    def policies(self, facts: PolicyFacts) -> None:
        """Given the outcome of a load of the policies, show it."""
        with self._lock:
            block = self._policies
            block.put(f.POLICIES_VALID, _NOTHING, facts.valid)
            block.put(f.POLICIES_FILES, _NOTHING, facts.files)
            block.put(f.POLICIES_MISTAKES, _NOTHING, facts.mistakes)
            block.replace(f.POLICIES_INFO, {(("digest", facts.digest),): 1} if facts.digest else {})
            if facts.loaded_at is not None:
                block.put(f.POLICIES_LOADED, _NOTHING, facts.loaded_at)
            for outcome, met in (("success", facts.valid), ("failure", not facts.valid)):
                block.add(f.POLICIES_RELOADS, (("outcome", outcome),), int(met))

    def web(self, facts: WebFacts) -> None:
        """Given how the web configuration stands, show it; without any, none of its series is there."""
        with self._lock:
            for family, value in (
                (f.WEB_VALID, float(facts.valid)),
                (f.WEB_LOADED, facts.loaded_at),
                (f.WEB_CERTIFICATE, facts.not_after),
            ):
                self._policies.replace(family, {} if value is None else {_NOTHING: value})

    def tasks(self, tasks: Mapping[str, TaskFacts]) -> None:
        """Given every task in force, show these; the series of all others go."""
        with self._lock:
            self._tasks.tasks(tasks)

    def more_tasks(self, tasks: Mapping[str, TaskFacts]) -> None:
        """Given tasks that are in force beside those told before, show them too."""
        with self._lock:
            self._tasks.more(tasks)

    def next_due(self, instants: Mapping[str, float | None]) -> None:
        """Given tasks whose next due time has changed, show it."""
        with self._lock:
            self._tasks.next_due(instants)

    def run_started(self, delay: float) -> None:
        """Given how long after it could have been a run was started, count it."""
        with self._lock:
            self._tasks.run_started(delay)

    def run_ended(self, facts: RunFacts) -> None:
        """Given how a run ended, count it."""
        with self._lock:
            self._tasks.run_ended(facts)

    def backups(self, facts: Iterable[BackupFacts]) -> None:
        """Given where the backups of every task stand, show these and no others."""
        with self._lock:
            self._backups.show(facts)

    def notifiers(self, facts: Iterable[NotifierFacts]) -> None:
        """Given how it goes with every receiver, show these and no others."""
        with self._lock:
            show_notifiers(self._notifiers, facts)

    def incidents(self, facts: IncidentFacts) -> None:
        """Given where the incidents stand, show it."""
        with self._lock:
            rows: dict[Labels, float] = {
                (("severity", severity), ("state", state)): n for (severity, state), n in facts.standing.items()
            }
            self._incidents.replace(f.INCIDENTS, rows)
            self._incidents.put(f.INCIDENTS_OPENED, _NOTHING, facts.opened)
            self._incidents.replace(f.INCIDENT_OLDEST, {} if facts.oldest is None else {_NOTHING: facts.oldest})

    def keep_readings(self, tasks: Container[str]) -> None:
        """Given the tasks that there still are, show the numbers of no others."""
        with self._lock:
            self._readings.keep(
                f.TASK_VALUE, {key for key in self._readings.keys(f.TASK_VALUE) if dict(key)["task"] in tasks}
            )

    def readings(self, task: str, samples: Sequence[Sample]) -> None:
        """Given the numbers that a task found out last, show these and none it found before."""
        with self._lock:
            others = {key for key in self._readings.keys(f.TASK_VALUE) if dict(key)["task"] != task}
            self._readings.keep(f.TASK_VALUE, others)
            for one in samples:
                self._readings.put(f.TASK_VALUE, (("task", task), ("signal", one.signal), *one.labels), one.value)

    def probes(self, kinds: Mapping[str, str]) -> None:
        """Given the kind of every probe by name, show these and no others."""
        with self._lock:
            self._probes.put_in_force(kinds)

    def probe(self, facts: ProbeFacts, late: float | None) -> None:
        """Given what a probe has just given, and how many seconds late it was measured, show that."""
        with self._lock:
            self._probes.measured(facts, late)

    def prober(self, facts: ProberFacts) -> None:
        """Given how the prober is, show it."""
        with self._lock:
            self._probes.prober(facts)

    def selftests(self, trials: Mapping[str, tuple[float, bool]]) -> None:
        """Given when each threshold was tried last (seconds since the epoch), and whether it passed, show it."""
        with self._lock:
            keys: dict[str, Labels] = {name: (("threshold", name),) for name in trials}
            self._selftests.replace(f.SELFTEST_AT, {keys[name]: at for name, (at, _) in trials.items()})
            self._selftests.replace(f.SELFTEST_PASSED, {keys[name]: passed for name, (_, passed) in trials.items()})

    def queue(self, facts: QueueFacts) -> None:
        """Given what is at work, waits and is held, show it."""
        with self._lock:
            self._daemon.put(f.RUNS_RUNNING, _NOTHING, facts.running)
            self._daemon.replace(f.RUNS_PENDING, {(("reason", r),): n for r, n in facts.pending.items()})
            self._daemon.replace(f.HOLDS, {(("name", n), ("reason", r)): 1 for n, r in facts.holds.items()})

    def history(self, facts: HistoryFacts) -> None:
        """Given where the chain of the history stands, show it."""
        with self._lock:
            self._daemon.put(f.HISTORY_LENGTH, _NOTHING, facts.length)
            # As a label, each hash would be a series of its own; 48 bits are a number that loses nothing on its way.
            self._daemon.put(f.HISTORY_HEAD, _NOTHING, int(facts.head[:12], 16))
            if facts.agrees is not None:
                self._daemon.put(f.HISTORY_AGREES, _NOTHING, facts.agrees)

    def signals(self, sampling: Sampling, seconds: float) -> None:
        """Given a pass over the host and how long it took, show it; what it did not measure is shown no longer."""
        with self._lock:
            self._sampling = (sampling, seconds)
            self._samplings += 1

    def thresholds(self, states: Callable[[], Sequence[ThresholdFacts]]) -> None:
        """Given what tells the state of every series of every threshold, show these and no others.

        It is called once, by the next scrape, in the thread of the server.
        """
        with self._lock:
            self._states = states

    def threshold_event(self, threshold: str, event: Event) -> None:
        """Given that a threshold fired or cleared, count it."""
        with self._lock:
            self._thresholds.count(threshold, event)

    def daemon(self, facts: DaemonFacts | Callable[[], DaemonFacts], http: Counts | None = None) -> None:
        """Given facts about the daemon, or how to learn them, and the counters of its server, show both from now on.

        A function is called once, by the next scrape, in the thread of the server: a daemon that nobody watches need
        not watch itself.
        """
        with self._lock:
            self._facts = (facts, http)

    def render(self, *, openmetrics: bool, gzipped: bool) -> bytes:
        """Return the page in one of the two formats, gzipped or not."""
        with self._lock:
            if self._sampling is not None:
                self._show_sampling(*self._sampling)
                self._sampling = None
            self._probes.show()
            if self._states is not None:
                self._thresholds.show(self._states())
                self._states = None
            if self._facts is not None:
                self._show_daemon(*self._facts)
                self._facts = None
            return self._page.render(openmetrics=openmetrics, gzipped=gzipped)

    def _show_sampling(self, sampling: Sampling, seconds: float) -> None:
        self._host.show(sampling)
        self._daemon.put(f.SAMPLINGS, _NOTHING, self._samplings)
        self._daemon.put(f.SAMPLING_SECONDS, _NOTHING, seconds)
        self._daemon.replace(f.SAMPLING_FAILED, {(("group", group),): 1 for group in sampling.errors})

    def _show_daemon(self, told: DaemonFacts | Callable[[], DaemonFacts], http: Counts | None) -> None:
        facts = told if isinstance(told, DaemonFacts) else told()
        for family, value in (
            (f.LOOP_LAG, facts.loop_lag),
            (f.LOOP_WAKEUPS, facts.wakeups),
            (f.CPU_SECONDS, facts.cpu_seconds),
            (f.MEMORY, facts.resident_bytes),
            (f.OPEN_FILES, facts.open_files),
            (f.THREADS, facts.threads),
            (f.STORE_SIZE, facts.store_bytes),
        ):
            self._daemon.put(family, _NOTHING, value)
        if http is not None:
            self._show_http(http)
        omitted = [item for block in self._blocks for item in block.omitted().items()]
        self._daemon.replace(f.SERIES_OMITTED, {(("family", name),): count for name, count in omitted})
        self._daemon.put(f.TASKS_OMITTED, _NOTHING, self._tasks.omitted)

    def _show_http(self, http: Counts) -> None:
        self._daemon.put(f.HTTP_CONNECTIONS, _NOTHING, http.connections)
        for (path, status), count in dict(http.requests).items():
            self._daemon.put(f.HTTP_REQUESTS, (("path", path), ("status", str(status))), count)
        for reason, count in dict(http.dropped).items():
            self._daemon.put(f.HTTP_DROPPED, (("reason", reason.value),), count)
