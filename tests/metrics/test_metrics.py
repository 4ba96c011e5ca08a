"""What is shown of what the daemon tells."""

from __future__ import annotations

import threading

import pytest

from agent.metrics import DaemonFacts, Metrics, PolicyFacts, QueueFacts, RunFacts, TaskFacts, ThresholdFacts
from agent.metrics.block import MOST_COUNTED, MOST_SERIES
from agent.metrics.tasks import MOST_TASKS
from agent.model.reasons import Reason
from agent.model.runs import RunState
from agent.model.signals import ConditionState, Labels, Sample, Sampling, Verdict
from agent.rules.conditions import Event
from tests.metrics.full import STARTED, empty_metrics, full_metrics, http_counts, numbers, some_facts


def run(task: str = "a", outcome: RunState = RunState.SUCCEEDED, **facts: object) -> RunFacts:
    # The names and types of facts are those of `RunFacts`.
    return RunFacts(task=task, outcome=outcome, ended=STARTED, **facts)  # type: ignore[arg-type]


def metrics_of(*tasks: str) -> Metrics:
    metrics = empty_metrics()
    metrics.tasks(dict.fromkeys(tasks, TaskFacts()))
    return metrics


def of_task(shown: dict[str, float], task: str) -> set[str]:
    return {name for name in shown if f'task="{task}"' in name}


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


def test_outcomes_of_a_task_begin_at_zero() -> None:
    metrics = empty_metrics()
    metrics.tasks({"a": TaskFacts()})
    assert {name: numbers(metrics)[name] for name in of_task(numbers(metrics), "a")} == {
        'hostkeeper_runs_total{outcome="succeeded",task="a"}': 0,
        'hostkeeper_runs_total{outcome="failed",task="a"}': 0,
    }


def test_instants_of_a_task_come_from_the_store_at_first_and_from_its_runs_later() -> None:
    metrics = empty_metrics()
    metrics.tasks({"a": TaskFacts(last_run=10.0, last_success=5.0, next_due=20.0)})
    assert numbers(metrics)['hostkeeper_task_last_success_timestamp_seconds{task="a"}'] == 5
    metrics.run_ended(run(outcome=RunState.FAILED, seconds=1.0))
    shown = numbers(metrics)
    assert shown['hostkeeper_task_last_run_timestamp_seconds{task="a"}'] == STARTED
    assert shown['hostkeeper_task_last_success_timestamp_seconds{task="a"}'] == 5
    metrics.run_ended(run(seconds=1.0))
    assert numbers(metrics)['hostkeeper_task_last_success_timestamp_seconds{task="a"}'] == STARTED


def test_task_that_is_never_due_has_no_due_time() -> None:
    metrics = empty_metrics()
    metrics.tasks({"a": TaskFacts(next_due=20.0), "b": TaskFacts()})
    metrics.next_due({"a": None, "b": 30.0})
    due = {name: value for name, value in numbers(metrics).items() if "next_due" in name}
    assert due == {'hostkeeper_task_next_due_timestamp_seconds{task="b"}': 30}


def test_durations_fall_into_every_bucket_that_holds_them() -> None:
    metrics = metrics_of("a")
    for seconds in (0.05, 1.0, 1.1, 1e6):
        metrics.run_ended(run(seconds=seconds))
    shown = numbers(metrics)

    def bucket(bound: str) -> float:
        return shown[f'hostkeeper_run_duration_seconds_bucket{{le="{bound}",task="a"}}']

    assert [bucket(bound) for bound in ("0.1", "1.0", "5.0", "43200.0", "+Inf")] == [1, 2, 3, 3, 4]
    assert shown['hostkeeper_run_duration_seconds_count{task="a"}'] == 4
    assert shown['hostkeeper_run_duration_seconds_sum{task="a"}'] == pytest.approx(1_000_002.15)


def test_run_that_never_began_has_no_duration_and_was_not_the_last_run() -> None:
    metrics = metrics_of("a")
    metrics.run_ended(run(outcome=RunState.MISSED, reason=Reason.DUE_WHILE_DOWN.value))
    assert of_task(numbers(metrics), "a") - of_task(numbers(metrics_of("a")), "a") == {
        'hostkeeper_runs_total{outcome="missed",task="a"}',
        'hostkeeper_skips_total{reason="due_while_down",task="a"}',
    }


@pytest.mark.parametrize("reason", [Reason.LIMIT_ITEMS, Reason.CLOCK_SUSPECT, Reason.BREAKER_OPEN])
def test_refusal_is_counted_by_reason(reason: Reason) -> None:
    metrics = metrics_of("a")
    metrics.run_ended(run(outcome=RunState.FAILED, reason=reason.value))
    assert numbers(metrics)[f'hostkeeper_refusals_total{{reason="{reason}",task="a"}}'] == 1


def test_failure_is_no_refusal() -> None:
    metrics = metrics_of("a")
    metrics.run_ended(run(outcome=RunState.FAILED, reason=Reason.STEP_FAILED.value))
    assert not [name for name in numbers(metrics) if "refusals" in name or "skips" in name]


def test_objects_and_undone_steps_add_up() -> None:
    metrics = metrics_of("a")
    for _ in range(2):
        metrics.run_ended(run(objects={Reason.TOO_OLD: 5, Reason.EXCLUDED: 1}, steps_undone=3))
    shown = numbers(metrics)
    assert shown['hostkeeper_objects_total{reason="too_old",task="a"}'] == 10
    assert shown['hostkeeper_objects_total{reason="excluded",task="a"}'] == 2
    assert shown['hostkeeper_steps_undone_total{task="a"}'] == 6


def test_task_that_left_the_policies_leaves_the_page() -> None:
    metrics = empty_metrics()
    metrics.tasks({"a": TaskFacts(next_due=1.0), "b": TaskFacts()})
    metrics.run_ended(run("a", seconds=1.0, objects={Reason.TOO_OLD: 1}))
    metrics.run_ended(run("b", seconds=1.0))
    metrics.tasks({"b": TaskFacts()})
    shown = numbers(metrics)
    assert of_task(shown, "a") == set()
    assert shown['hostkeeper_runs_total{outcome="succeeded",task="b"}'] == 1


def test_run_of_a_task_that_is_not_in_force_is_not_counted() -> None:
    metrics = metrics_of("a")
    before = numbers(metrics)
    metrics.run_ended(run("b", seconds=1.0))
    assert numbers(metrics) == before


def test_tasks_that_come_later_are_shown_beside_the_others() -> None:
    metrics = metrics_of("a")
    metrics.run_ended(run("a"))
    metrics.more_tasks({"b": TaskFacts(next_due=3.0)})
    shown = numbers(metrics)
    assert shown['hostkeeper_runs_total{outcome="succeeded",task="a"}'] == 1
    assert shown['hostkeeper_task_next_due_timestamp_seconds{task="b"}'] == 3


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
    metrics.thresholds([ThresholdFacts("t", (("mountpoint", "/"),), state)])
    shown = numbers(metrics)
    series = 'mountpoint="/",threshold="t"'
    assert shown[f"hostkeeper_threshold_firing{{{series}}}"] == firing
    assert shown[f"hostkeeper_threshold_pending{{{series}}}"] == pending
    assert shown.get(f"hostkeeper_threshold_value{{{series}}}") == value
    verdicts = {verdict: shown[f'hostkeeper_threshold_verdict{{{series},verdict="{verdict}"}}'] for verdict in Verdict}
    assert verdicts == {verdict: float(verdict is state.verdict) for verdict in Verdict}


def test_threshold_and_its_events_leave_with_it() -> None:
    metrics = empty_metrics()
    root: Labels = (("mountpoint", "/"),)
    metrics.thresholds([ThresholdFacts("t", root, ConditionState()), ThresholdFacts("u", (), ConditionState())])
    metrics.threshold_event("t", Event.FIRED)
    metrics.threshold_event("t", Event.CLEARED)
    metrics.threshold_event("t", Event.FIRED)
    assert numbers(metrics)['hostkeeper_threshold_events_total{event="fired",threshold="t"}'] == 2
    metrics.thresholds([ThresholdFacts("u", (), ConditionState())])
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


def test_tasks_with_numbers_of_their_own_are_bounded_and_the_rest_is_told() -> None:
    metrics = empty_metrics()
    metrics.tasks({f"task-{number}": TaskFacts(next_due=1.0) for number in range(MOST_TASKS + 5)})
    metrics.run_ended(run(f"task-{MOST_TASKS}"))
    metrics.next_due({f"task-{MOST_TASKS}": 5.0})
    metrics.daemon(some_facts())
    shown = numbers(metrics)
    assert sum("next_due" in name for name in shown) == MOST_TASKS
    assert shown["hostkeeper_tasks_omitted"] == 5
    metrics.tasks({"task-1": TaskFacts(next_due=1.0)})
    metrics.daemon(some_facts())
    assert numbers(metrics)["hostkeeper_tasks_omitted"] == 0


def test_series_of_a_family_are_bounded_and_the_rest_is_told() -> None:
    metrics = empty_metrics()
    for extra in (5, 2 * MOST_COUNTED, 0):
        metrics.queue(QueueFacts(running=0, pending={}, holds={f"t{n}": "r" for n in range(MOST_SERIES + extra)}))
        metrics.daemon(some_facts())
        shown = numbers(metrics)
        assert sum(name.startswith("hostkeeper_hold{") for name in shown) == MOST_SERIES
        assert shown.get('hostkeeper_series_omitted{family="hostkeeper_hold"}', 0) == min(extra, MOST_COUNTED)


def test_facts_may_come_from_several_threads() -> None:
    metrics = full_metrics()
    metrics.tasks({"a": TaskFacts()})

    def tell() -> None:
        for _ in range(500):
            metrics.run_ended(run(seconds=1.0))

    threads = [threading.Thread(target=tell) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert_whole(metrics)
    assert numbers(metrics)['hostkeeper_runs_total{outcome="succeeded",task="a"}'] == 2000


def assert_whole(metrics: Metrics) -> None:
    shown = numbers(metrics)
    count = shown.get('hostkeeper_run_duration_seconds_count{task="a"}', 0)
    assert shown['hostkeeper_runs_total{outcome="succeeded",task="a"}'] == count
