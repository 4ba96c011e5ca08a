"""What is shown of what the daemon tells."""

from __future__ import annotations

import pytest

from agent.metrics import DaemonFacts, PolicyFacts, QueueFacts, ThresholdFacts
from agent.metrics.block import MOST_COUNTED, MOST_SERIES
from agent.model.signals import ConditionState, Labels, Sample, Sampling, Verdict
from agent.rules.conditions import Event
from tests.metrics.full import STARTED, empty_metrics, http_counts, numbers, some_facts


def test_fresh_agent_tells_its_build_and_start() -> None:
    shown = numbers(empty_metrics())
    assert shown.pop("hostkeeper_process_start_time_seconds") == STARTED
    (build,) = shown
    assert build.startswith('hostkeeper_build_info{python="3.')
    assert build.endswith('version="0.1.0"}')


def test_loads_of_policies_are_counted_and_the_last_one_shown() -> None:
    metrics = empty_metrics()
    metrics.policies(PolicyFacts(valid=True, digest="sha256:1", files=2, mistakes=0, loaded_at=STARTED))
    metrics.policies(PolicyFacts(valid=False, digest="sha256:1", files=2, mistakes=3, loaded_at=STARTED))
    shown = numbers(metrics)
    assert shown["hostkeeper_policies_valid"] == 0
    assert shown["hostkeeper_policies_mistakes"] == 3
    assert shown["hostkeeper_policies_last_reload_success_timestamp_seconds"] == STARTED
    assert shown['hostkeeper_policies_reloads_total{outcome="success"}'] == 1
    assert shown['hostkeeper_policies_reloads_total{outcome="failure"}'] == 1
    metrics.policies(PolicyFacts(valid=True, digest="sha256:2", files=2, mistakes=0, loaded_at=STARTED + 1))
    assert [name for name in numbers(metrics) if "policies_info" in name] == [
        'hostkeeper_policies_info{digest="sha256:2"}'
    ]


def test_agent_without_policies_shows_no_digest() -> None:
    metrics = empty_metrics()
    metrics.policies(PolicyFacts(valid=False, digest="", files=0, mistakes=1, loaded_at=None))
    assert not [name for name in numbers(metrics) if "digest" in name or "timestamp" in name]


def test_queue_shows_what_waits_for_what() -> None:
    metrics = empty_metrics()
    metrics.queue(QueueFacts(running=2, pending={"window_closed": 3}, holds={"a": "breaker_open"}))
    metrics.queue(QueueFacts(running=1, pending={"concurrency": 1}, holds={}))
    shown = {name: value for name, value in numbers(metrics).items() if "runs_" in name or "hold" in name}
    assert shown == {"hostkeeper_runs_running": 1, 'hostkeeper_runs_pending{reason="concurrency"}': 1}


def test_percentages_are_exported_as_ratios() -> None:
    metrics = empty_metrics()
    samples = (Sample("disk.used_percent", (("mountpoint", "/"),), 25.0), Sample("load.1m", (), 25.0))
    metrics.signals(Sampling(samples, {}), 0.001)
    shown = numbers(metrics)
    assert shown['hostkeeper_host_disk_used_ratio{mountpoint="/"}'] == 0.25
    assert shown["hostkeeper_host_load_1m"] == 25


def test_series_that_was_not_measured_is_not_shown() -> None:
    def samples(*names: str) -> Sampling:
        return Sampling(tuple(Sample("disk.free_bytes", (("mountpoint", name),), 1.0) for name in names), {})

    metrics = empty_metrics()
    for names in (("/", "/a"), ("/a",), (), ("/b", "/")):
        metrics.signals(samples(*names), 0.001)
        shown = [name for name in numbers(metrics) if "free_bytes" in name]
        assert shown == [f'hostkeeper_host_disk_free_bytes{{mountpoint="{name}"}}' for name in names]


def test_signal_that_nobody_described_is_not_shown() -> None:
    metrics = empty_metrics()
    before = numbers(metrics).keys()
    metrics.signals(Sampling((Sample("disk.colour", (), 1.0),), {}), 0.001)
    assert numbers(metrics).keys() - before == {
        "hostkeeper_samplings_total",
        "hostkeeper_sampling_duration_seconds",
    }


def test_group_that_failed_is_shown_until_it_is_measured() -> None:
    metrics = empty_metrics()
    metrics.signals(Sampling((), {"disk": "no answer"}), 0.001)
    assert numbers(metrics)['hostkeeper_sampling_failed{group="disk"}'] == 1
    metrics.signals(Sampling((), {}), 0.001)
    assert not [name for name in numbers(metrics) if "sampling_failed" in name]
    assert numbers(metrics)["hostkeeper_samplings_total"] == 2


@pytest.mark.parametrize(
    ("state", "firing", "pending", "value"),
    [
        (ConditionState(Verdict.PASS, value=3.0), 0, 0, 3.0),
        (ConditionState(Verdict.FAIL, since=1.0, violations=1, value=9.0), 0, 1, 9.0),
        (ConditionState(Verdict.FAIL, since=1.0, violations=2, fired_at=2.0, value=9.0), 1, 0, 9.0),
        (ConditionState(Verdict.ERROR, fired_at=2.0), 1, 0, None),
        (ConditionState(Verdict.INCONCLUSIVE), 0, 0, None),
    ],
)
def test_threshold_shows_where_it_stands(
    state: ConditionState, firing: float, pending: float, value: float | None
) -> None:
    metrics = empty_metrics()
    metrics.thresholds(lambda: [ThresholdFacts("t", (("mountpoint", "/"),), state)])
    shown = numbers(metrics)
    series = 'mountpoint="/",threshold="t"'
    assert shown[f"hostkeeper_threshold_firing{{{series}}}"] == firing
    assert shown[f"hostkeeper_threshold_pending{{{series}}}"] == pending
    assert shown.get(f"hostkeeper_threshold_value{{{series}}}") == value
    verdicts = {verdict: shown[f'hostkeeper_threshold_verdict{{{series},verdict="{verdict}"}}'] for verdict in Verdict}
    assert verdicts == {verdict: float(verdict is state.verdict) for verdict in Verdict}


def test_muted_threshold_shows_why_until_it_is_told() -> None:
    metrics = empty_metrics()
    muted = ConditionState(Verdict.FAIL, 1.0, 3, 2.0, 97.5, muted="parent_firing", muted_by="router")
    metrics.thresholds(lambda: [ThresholdFacts("t", (("mountpoint", "/"),), muted)])
    name = 'hostkeeper_threshold_muted{mountpoint="/",reason="parent_firing",threshold="t"}'
    assert numbers(metrics)[name] == 1
    metrics.thresholds(lambda: [ThresholdFacts("t", (("mountpoint", "/"),), ConditionState(Verdict.FAIL, 1.0, 3, 2.0))])
    assert name not in numbers(metrics)


def test_threshold_and_its_events_leave_with_it() -> None:
    metrics = empty_metrics()
    root: Labels = (("mountpoint", "/"),)
    metrics.thresholds(lambda: [ThresholdFacts("t", root, ConditionState()), ThresholdFacts("u", (), ConditionState())])
    metrics.threshold_event("t", Event.FIRED)
    metrics.threshold_event("t", Event.CLEARED)
    metrics.threshold_event("t", Event.FIRED)
    assert numbers(metrics)['hostkeeper_threshold_events_total{event="fired",threshold="t"}'] == 2
    metrics.thresholds(lambda: [ThresholdFacts("u", (), ConditionState())])
    assert not [name for name in numbers(metrics) if '"t"' in name]


def test_daemon_is_asked_about_itself_by_the_next_scrape_alone() -> None:
    metrics = empty_metrics()
    asked = []

    def facts() -> DaemonFacts:
        asked.append(1)
        return some_facts()

    metrics.daemon(facts, http_counts())
    assert asked == []
    shown = numbers(metrics)
    assert shown["hostkeeper_process_resident_memory_bytes"] == 30 << 20
    assert shown['hostkeeper_http_requests_total{path="/metrics",status="200"}'] == 1
    assert shown['hostkeeper_http_connections_dropped_total{reason="timeout"}'] == 1
    numbers(metrics)
    assert asked == [1]


def test_series_of_a_family_are_bounded_and_the_rest_is_told() -> None:
    metrics = empty_metrics()
    for extra in (5, 2 * MOST_COUNTED, 0):
        metrics.queue(QueueFacts(running=0, pending={}, holds={f"t{n}": "r" for n in range(MOST_SERIES + extra)}))
        metrics.daemon(some_facts())
        shown = numbers(metrics)
        assert sum(name.startswith("hostkeeper_hold{") for name in shown) == MOST_SERIES
        assert shown.get('hostkeeper_series_omitted{family="hostkeeper_hold"}', 0) == min(extra, MOST_COUNTED)
