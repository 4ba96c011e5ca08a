"""What is shown of tasks and their runs."""

from __future__ import annotations

import threading

import pytest

from agent.metrics import Metrics, RunFacts, TaskFacts
from agent.metrics.tasks import MOST_TASKS
from agent.model.reasons import Reason
from agent.model.runs import RunOutcome
from tests.metrics.full import STARTED, empty_metrics, full_metrics, numbers, some_facts


def run(task: str = "a", outcome: RunOutcome = RunOutcome.SUCCEEDED, **facts: object) -> RunFacts:
    # The names and types of facts are those of `RunFacts`.
    return RunFacts(task=task, outcome=outcome, ended=STARTED, **facts)  # type: ignore[arg-type]


def metrics_of(*tasks: str) -> Metrics:
    metrics = empty_metrics()
    metrics.tasks(dict.fromkeys(tasks, TaskFacts()))
    return metrics


def of_task(shown: dict[str, float], task: str) -> set[str]:
    return {name for name in shown if f'task="{task}"' in name}


def test_outcomes_of_a_task_begin_at_zero() -> None:
    metrics = empty_metrics()
    metrics.tasks({"a": TaskFacts()})
    assert {name: numbers(metrics)[name] for name in of_task(numbers(metrics), "a")} == {
        'hostkeeper_runs_total{outcome="succeeded",task="a"}': 0,
        'hostkeeper_runs_total{outcome="failed",task="a"}': 0,
        'hostkeeper_task_failing{task="a"}': 0,
    }


def test_task_fails_until_a_run_succeeds_and_what_is_skipped_mends_nothing() -> None:
    metrics = empty_metrics()
    metrics.tasks({"a": TaskFacts(failing=True), "b": TaskFacts()})
    series = 'hostkeeper_task_failing{task="a"}'
    assert numbers(metrics)[series] == 1
    assert numbers(metrics)['hostkeeper_task_failing{task="b"}'] == 0
    for outcome, failing in (
        (RunOutcome.SUCCEEDED, 0),
        (RunOutcome.UNDONE, 1),
        (RunOutcome.SKIPPED, 1),
        (RunOutcome.REPLACED, 1),
        (RunOutcome.REFUSED, 1),
        (RunOutcome.SUCCEEDED, 0),
        (RunOutcome.REPLACED, 0),
        (RunOutcome.REFUSED, 0),
        (RunOutcome.MISSED, 1),
    ):
        metrics.run_ended(run(outcome=outcome))
        assert numbers(metrics)[series] == failing


def test_instants_of_a_task_come_from_the_store_at_first_and_from_its_runs_later() -> None:
    metrics = empty_metrics()
    metrics.tasks({"a": TaskFacts(last_run=10.0, last_success=5.0, next_due=20.0)})
    assert numbers(metrics)['hostkeeper_task_last_success_timestamp_seconds{task="a"}'] == 5
    metrics.run_ended(run(outcome=RunOutcome.FAILED, seconds=1.0))
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
    metrics.run_ended(run(outcome=RunOutcome.MISSED, reason=Reason.DUE_WHILE_DOWN.value))
    assert of_task(numbers(metrics), "a") - of_task(numbers(metrics_of("a")), "a") == {
        'hostkeeper_runs_total{outcome="missed",task="a"}',
        'hostkeeper_skips_total{reason="due_while_down",task="a"}',
    }


@pytest.mark.parametrize("reason", [Reason.LIMIT_ITEMS, Reason.CLOCK_SUSPECT, Reason.BREAKER_OPEN])
def test_refusal_is_counted_by_reason(reason: Reason) -> None:
    metrics = metrics_of("a")
    metrics.run_ended(run(outcome=RunOutcome.FAILED, reason=reason.value))
    assert numbers(metrics)[f'hostkeeper_refusals_total{{reason="{reason}",task="a"}}'] == 1


def test_failure_is_no_refusal() -> None:
    metrics = metrics_of("a")
    metrics.run_ended(run(outcome=RunOutcome.FAILED, reason=Reason.STEP_FAILED.value))
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
