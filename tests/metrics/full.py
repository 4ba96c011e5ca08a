"""Metrics with something in every family, as a busy host would have it."""

from __future__ import annotations

from agent.host.http import Counts, Dropped
from agent.metrics import (
    BackupFacts,
    DaemonFacts,
    HistoryFacts,
    IncidentFacts,
    Metrics,
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
from agent.model.reasons import Reason
from agent.model.runs import RunOutcome
from agent.model.signals import ConditionState, Sample, Sampling, Verdict
from agent.probes.catalogue import SIGNALS
from agent.rules.conditions import Event

STARTED = 1_795_000_000.0
AWKWARD = 'a "quoted" \\ back\nslash \u2028 line, größe \udcff'


def empty_metrics() -> Metrics:
    return Metrics(SIGNALS, "0.1.0", STARTED)


def a_pass(factor: float = 1.0) -> Sampling:
    """Return a pass with a number for every signal, and three series where there are labels."""
    samples = []
    for number, spec in enumerate(SIGNALS.values()):
        for index, value in enumerate(("/", "/home", AWKWARD) if spec.labels else ("",)):
            labels = tuple((label, value) for label in spec.labels)
            samples.append(Sample(spec.name, labels, factor * (number + index / 3)))
    return Sampling(tuple(samples), {"temperature": "no answer"})


def some_facts(loop_lag: float = 0.002) -> DaemonFacts:
    return DaemonFacts(
        loop_lag=loop_lag,
        wakeups=1234,
        cpu_seconds=5.25,
        resident_bytes=30 << 20,
        open_files=17,
        threads=3,
        store_bytes=1 << 20,
    )


def http_counts() -> Counts:
    counts = Counts()
    counts.connections = 7
    counts.answered("/metrics", 200)
    counts.answered("other", 404)
    counts.drop(Dropped.TIMEOUT)
    return counts


def full_metrics() -> Metrics:
    metrics = empty_metrics()
    metrics.policies(PolicyFacts(valid=True, digest="sha256:12ab", files=3, mistakes=0, loaded_at=STARTED))
    metrics.web(WebFacts(valid=True, loaded_at=STARTED, not_after=STARTED + 7776000))
    metrics.tasks(
        {
            "backup-shop": TaskFacts(last_run=STARTED - 60, last_success=STARTED - 60, next_due=STARTED + 3600),
            "clean-tmp": TaskFacts(),
            AWKWARD: TaskFacts(next_due=STARTED + 1),
        }
    )
    metrics.history(HistoryFacts(length=1234, head="0123456789ab" + "c" * 52, agrees=True))
    metrics.run_started(0.02)
    metrics.run_ended(
        RunFacts(
            task="backup-shop",
            outcome=RunOutcome.SUCCEEDED,
            ended=STARTED + 30,
            seconds=12.5,
            objects={Reason.TOO_OLD: 5, Reason.YOUNG_ENOUGH: 7},
        )
    )
    metrics.run_ended(
        RunFacts(task="clean-tmp", outcome=RunOutcome.SKIPPED, ended=STARTED, reason=Reason.OVERLAP.value)
    )
    metrics.run_ended(
        RunFacts(
            task="clean-tmp",
            outcome=RunOutcome.FAILED,
            ended=STARTED + 9,
            seconds=1.0,
            reason=Reason.LIMIT_ITEMS.value,
            steps_undone=2,
        )
    )
    metrics.backups(
        [
            BackupFacts(
                repository="local",
                task="backup-shop",
                backups=9,
                damaged=1,
                newest=STARTED - 3600,
                level="incremental",
                bytes=1 << 30,
                stored=1 << 20,
                flaws=2,
                proven=STARTED - 86400,
                last_proof=STARTED - 7200,
                recovery=12.5,
                last_read=STARTED - 1800,
                oldest_read=STARTED - 90000,
                read=1.0,
            ),
            BackupFacts(repository="offsite", task=AWKWARD, backups=0),
        ]
    )
    metrics.incidents(IncidentFacts(standing={("critical", "open"): 2}, opened=5, oldest=STARTED - 60))
    metrics.selftests({"root-filling": (STARTED - 3600, True), AWKWARD: (STARTED, False)})
    metrics.notifiers(
        [
            NotifierFacts(name="ops", delivered=12, failed=3, dropped=1, waiting=2, parked=1, oldest=STARTED - 60),
            NotifierFacts(name="pager/2", delivered=7, last_success=STARTED - 5),
        ]
    )
    metrics.probes({"home": "http", AWKWARD: "prometheus", "files": "textfile"})
    values = (("up", (), 1.0), ("latency_seconds", (), 0.25), ("status", (), 200.0))
    metrics.probe(ProbeFacts(name="home", kind="http", samples=values, error=False), 0.002)
    free = (("up", (), 1.0), ("jobs", (("probe", "x"), ("queue", AWKWARD)), 3.0))
    metrics.probe(ProbeFacts(name="files", kind="textfile", samples=free, error=False), 0.2)
    metrics.probe(ProbeFacts(name=AWKWARD, kind="prometheus", samples=(), error=True), None)
    metrics.prober(ProberFacts(hung=1, restarts=2, cpu_seconds=3.5, resident=30 << 20))
    metrics.queue(QueueFacts(running=1, pending={"window_closed": 2}, holds={"root-filling": "breaker_open"}))
    metrics.readings(AWKWARD, [Sample("messages", (("level", "error"),), 3.0)])
    metrics.signals(a_pass(), 0.0012)
    metrics.thresholds(
        lambda: [
            ThresholdFacts("root-filling", (("mountpoint", "/"),), ConditionState(Verdict.FAIL, 1.0, 3, 2.0, 97.5)),
            ThresholdFacts("load", (), ConditionState(Verdict.INCONCLUSIVE)),
            ThresholdFacts("swap", (), ConditionState(Verdict.FAIL, 1.0, 3, 2.0, 97.5, muted="parent_firing")),
        ]
    )
    metrics.threshold_event("root-filling", Event.FIRED)
    metrics.daemon(some_facts, http_counts())
    return metrics


def numbers(metrics: Metrics) -> dict[str, float]:
    """Return what the page shows: the text before each number, and the number."""
    lines = metrics.render(openmetrics=False, gzipped=False).decode().split("\n")
    pairs = (line.rpartition(" ") for line in lines if line and not line.startswith("#"))
    return {name: float(value) for name, _, value in pairs}
