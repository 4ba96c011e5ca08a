from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from agent.engine.submit import submit
from agent.model.notices import Alert, Event, State, Tally
from agent.model.policies import Notify, Retry, Severity, Task
from agent.model.runs import Origin, RunState
from agent.store import Store
from agent.store.outbox import KEPT_ENDED, MOST_WAITING
from tests.fakes import task
from tests.notices import NOW, message, notice


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(str(tmp_path / "state")) as made:
        yield made


def test_notices_come_back_as_they_were_in_order(store: Store) -> None:
    put = [notice(), notice(event=Event.CLEARED, value=None)]
    store.outbox.put(put)
    assert store.outbox.notices() == [replace(one, seq=number) for number, one in enumerate(put, start=1)]
    assert store.outbox.last_notice() == 2


def test_notices_of_a_transaction_that_fails_are_not_there(store: Store) -> None:
    with pytest.raises(RuntimeError), store.transaction():
        store.outbox.put([notice()])
        raise RuntimeError
    assert store.outbox.notices() == []
    assert not store.outbox.anything()


def test_message_takes_the_place_of_its_notices(store: Store) -> None:
    store.outbox.put([notice(), notice(key="other")])
    first, second = store.outbox.notices()
    alert = Alert(notice=first, reminders=0, next=NOW)
    store.outbox.compose([message()], taken=[first], alerts=[alert])
    assert store.outbox.notices() == [second]
    assert store.outbox.alerts() == [alert]
    waiting = store.outbox.waiting("ops")
    assert waiting is not None
    assert waiting.message == message()
    store.outbox.compose([], over=[first])
    assert store.outbox.alerts() == []


def test_messages_leave_one_by_one_in_order(store: Store) -> None:
    store.outbox.compose([message(id=f"m{number}") for number in range(3)])
    store.outbox.compose([message(id="elsewhere", receiver="pager")])
    went = []
    while (kept := store.outbox.waiting("ops")) is not None:
        went.append(kept.message.id)
        store.outbox.settle(kept, State.DELIVERED, "taken", NOW)
    assert went == ["m0", "m1", "m2"]
    assert store.outbox.standing("ops").delivered == 3
    assert store.outbox.waiting_receivers() == ["pager"]


def test_message_that_failed_stays_first_and_leaves_its_receiver_alone(store: Store) -> None:
    store.outbox.compose([message(id="m0"), message(id="m1")])
    for number in (1, 2):
        kept = store.outbox.waiting("ops")
        assert kept is not None
        assert kept.message.id == "m0"
        store.outbox.retry(kept, "status 500", NOW + number)
    standing = store.outbox.standing("ops")
    assert (standing.failed, standing.streak, standing.not_before) == (2, 2, NOW + 2)
    kept = store.outbox.waiting("ops")
    assert kept is not None
    assert kept.tries == 2
    store.outbox.settle(kept, State.DELIVERED, "taken", NOW)
    assert (store.outbox.standing("ops").streak, store.outbox.standing("ops").not_before) == (0, 0.0)


def test_message_that_is_parked_lets_the_next_go_and_comes_back_on_request(store: Store) -> None:
    store.outbox.compose([message(id="m0"), message(id="m1")])
    kept = store.outbox.waiting("ops")
    assert kept is not None
    seen = store.outbox.last_notice()
    store.outbox.put([notice()])
    store.outbox.settle(kept, State.PARKED, "status 400", NOW)
    after = store.outbox.waiting("ops")
    assert after is not None
    assert after.message.id == "m1"
    assert store.outbox.release(["ops"]) == 1
    first = store.outbox.waiting("ops")
    assert first is not None
    assert first.message.id == "m0"
    assert store.outbox.last_notice() > seen + 1


def test_message_settled_twice_counts_once(store: Store) -> None:
    store.outbox.compose([message()])
    kept = store.outbox.waiting("ops")
    assert kept is not None
    for state in (State.DELIVERED, State.DROPPED):
        store.outbox.settle(kept, state, "", NOW)
    store.outbox.retry(kept, "", NOW)
    standing = store.outbox.standing("ops")
    assert (standing.delivered, standing.dropped, standing.failed) == (1, 0, 0)


def test_outbox_is_bounded_and_counts_what_it_gives_up(store: Store) -> None:
    with store.transaction():
        store.outbox.compose([message(id=f"m{number}") for number in range(MOST_WAITING + 3)])
    assert (store.outbox.standing("ops").dropped, store.outbox.standing("ops").untold) == (3, 3)
    kept = store.outbox.waiting("ops")
    assert kept is not None
    assert kept.message.id == "m3"
    store.outbox.settle(kept, State.DELIVERED, "", NOW)
    assert store.outbox.standing("ops").untold == 0


def test_outbox_keeps_some_of_what_has_ended(store: Store) -> None:
    with store.transaction():
        for number in range(KEPT_ENDED + 5):
            store.outbox.compose([message(id=f"m{number}")])
            kept = store.outbox.waiting("ops")
            assert kept is not None
            store.outbox.settle(kept, State.DELIVERED, "", NOW)
    assert len(store.outbox.messages(ended=True)) <= KEPT_ENDED + 1
    assert store.outbox.messages() == []


def test_damaged_message_is_passed_over(store: Store) -> None:
    store.outbox.compose([message(id="m0"), message(id="m1")])
    store.connection.rows("UPDATE messages SET body = replace(body, 'fires', 'is well') WHERE id = 'm0'")
    kept = store.outbox.waiting("ops")
    assert kept is not None
    assert kept.message.id == "m1"


def test_damaged_rows_are_forgotten_and_hide_no_other(store: Store) -> None:
    store.outbox.put([notice(), notice(subject="whole")])
    with store.transaction():
        store.outbox.compose([message(id=f"m{number}") for number in range(30)])
        store.outbox.compose((), alerts=[Alert(notice=notice(), reminders=0, next=NOW)])
    for table, where in (("messages", "seq < 30"), ("notices", "seq = 1"), ("alerts", "1")):
        store.connection.rows(f"UPDATE {table} SET body = replace(body, 'fires', 'is well'), seal = 'x' WHERE {where}")
    store.outbox.discard_damaged()
    kept = store.outbox.waiting("ops")
    assert kept is not None
    assert kept.message.id == "m29"
    assert store.outbox.tallies.receivers()["ops"].waiting == 1
    assert [one.subject for one in store.outbox.notices()] == ["whole"]
    assert store.outbox.alerts() == []


def test_messages_that_are_refused_for_ever_are_bounded(store: Store) -> None:
    with store.transaction():
        for number in range(MOST_WAITING + 3):
            store.outbox.compose([message(id=f"m{number}")])
            kept = store.outbox.waiting("ops")
            assert kept is not None
            store.outbox.settle(kept, State.PARKED, f"status {number}", NOW)
    assert store.outbox.tallies.receivers()["ops"] == Tally(parked=MOST_WAITING)
    assert store.outbox.tallies.refusal("ops") == f"status {MOST_WAITING + 2}"
    assert store.outbox.standing("ops").untold == 3


def test_tallies_count_what_waits_and_what_was_tried(store: Store) -> None:
    store.outbox.put([notice(at=NOW - 1), notice(notifier="pager")])
    store.outbox.compose([message(id="m0", made=NOW - 5), message(id="m1", made=NOW - 3)])
    kept = store.outbox.waiting("ops")
    assert kept is not None
    store.outbox.retry(kept, "status 500", NOW)
    assert store.outbox.tallies.receivers() == {"ops": Tally(waiting=2, oldest=NOW - 5, tried=1, late=NOW - 5)}
    assert store.outbox.tallies.unmade() == {"ops": (1, NOW - 1), "pager": (1, NOW)}
    assert store.outbox.tallies.refusal("ops") == ""


@pytest.mark.parametrize(
    ("ends", "on", "told"),
    [
        ([RunState.FAILED], ("failure",), ["failure"]),
        ([RunState.SUCCEEDED], ("failure", "recovery"), []),
        ([RunState.FAILED, RunState.SUCCEEDED], ("failure", "recovery"), ["failure", "recovery"]),
        ([RunState.FAILED, RunState.SUCCEEDED], ("success",), ["success"]),
        ([RunState.SUCCEEDED, RunState.SUCCEEDED], ("success", "recovery"), ["success", "success"]),
        ([RunState.MISSED, RunState.SUCCEEDED], ("missed", "recovery"), ["missed", "recovery"]),
        ([RunState.FAILED, RunState.SKIPPED, RunState.SUCCEEDED], ("recovery", "skipped"), ["skipped", "recovery"]),
        ([RunState.STUCK], ("failure",), ["failure"]),
        ([RunState.UNDONE], ("start", "failure"), ["start", "failure"]),
    ],
)
def test_end_of_a_run_leaves_the_notices_that_its_task_asks_for(
    store: Store, ends: list[RunState], on: tuple[str, ...], told: list[str]
) -> None:
    one = task(notify=Notify(("ops",), on, Severity.CRITICAL))
    for number, end in enumerate(ends):
        run = submit(store, one, policy="p", origin=Origin.MANUAL, due=NOW + number, now=NOW + number)
        assert run is not None
        if end in (RunState.MISSED, RunState.SKIPPED):
            store.runs.advance(run.id, RunState.PENDING, end, ended=NOW + number)
            continue
        store.runs.advance(run.id, RunState.PENDING, RunState.RUNNING, started=NOW + number)
        if end in (RunState.UNDONE, RunState.STUCK):
            store.runs.advance(run.id, RunState.RUNNING, RunState.FAILED)
            store.runs.advance(run.id, RunState.FAILED, end, ended=NOW + number)
        else:
            store.runs.advance(run.id, RunState.RUNNING, end, ended=NOW + number)
    found = store.outbox.notices()
    assert [one.event.value for one in found] == told
    assert all(one.severity is Severity.CRITICAL and one.subject == "task" for one in found)


def end_try(store: Store, one: Task, number: int, end: RunState, *, due: float = NOW, why: str = "") -> None:
    run = submit(store, one, policy="p", origin=Origin.RETRY, due=due, now=due + number, tries=number)
    assert run is not None
    was = RunState.PENDING
    if end is not RunState.SKIPPED:
        store.runs.advance(run.id, was, RunState.RUNNING, started=NOW)
        was = RunState.RUNNING
    store.runs.advance(run.id, was, end, why=why, detail="code 1", ended=due + number)


def fail_try(store: Store, one: Task, number: int, *, due: float = NOW, why: str = "step_failed") -> None:
    end_try(store, one, number, RunState.FAILED, due=due, why=why)


TOLD_BY_DEFAULT = ("failure", "recovery")


def test_failure_is_told_of_the_last_try_alone_and_says_which_it_was(store: Store) -> None:
    one = task(notify=Notify(("ops",), TOLD_BY_DEFAULT, Severity.CRITICAL), retry=Retry(2, 0.0))
    fail_try(store, one, 1)
    assert store.outbox.notices() == []
    fail_try(store, one, 2)
    assert [found.detail for found in store.outbox.notices()] == ["step_failed: code 1: try 2 of 2"]


def test_refusal_is_told_at_once_since_no_try_follows(store: Store) -> None:
    one = task(notify=Notify(("ops",), TOLD_BY_DEFAULT, Severity.CRITICAL), retry=Retry(3, 0.0))
    fail_try(store, one, 1, why="changed_since_plan")
    assert [found.event for found in store.outbox.notices()] == [Event.FAILURE]


@pytest.mark.parametrize(("end", "why"), [(RunState.SKIPPED, "superseded"), (RunState.FAILED, "replaced")])
def test_try_that_was_to_follow_and_comes_to_nothing_is_told_as_a_failure(
    store: Store, end: RunState, why: str
) -> None:
    one = task(notify=Notify(("ops",), TOLD_BY_DEFAULT, Severity.CRITICAL), retry=Retry(3, 0.0))
    fail_try(store, one, 1)
    end_try(store, one, 2, end, why=why)
    assert [found.event for found in store.outbox.notices()] == [Event.FAILURE]


@pytest.mark.parametrize(
    ("on", "told"),
    [
        (TOLD_BY_DEFAULT, []),
        (("success",), ["success"]),
        (("try", "recovery"), ["try", "recovery"]),
    ],
)
def test_success_of_a_second_try_recovers_from_what_was_told_alone(
    store: Store, on: tuple[str, ...], told: list[str]
) -> None:
    one = task(notify=Notify(("ops",), on, Severity.CRITICAL), retry=Retry(3, 0.0))
    fail_try(store, one, 1)
    end_try(store, one, 2, RunState.SUCCEEDED)
    assert [found.event.value for found in store.outbox.notices()] == told


def test_success_of_a_second_try_recovers_from_the_due_time_before(store: Store) -> None:
    one = task(notify=Notify(("ops",), TOLD_BY_DEFAULT, Severity.CRITICAL), retry=Retry(2, 0.0))
    for number in (1, 2):
        fail_try(store, one, number)
    fail_try(store, one, 1, due=NOW + 60)
    end_try(store, one, 2, RunState.SUCCEEDED, due=NOW + 60)
    assert [found.event.value for found in store.outbox.notices()] == ["failure", "recovery"]


def test_run_of_a_task_that_tells_nobody_leaves_no_notice(store: Store) -> None:
    run = submit(store, task(), policy="p", origin=Origin.MANUAL, due=NOW, now=NOW)
    assert run is not None
    store.runs.advance(run.id, RunState.PENDING, RunState.SKIPPED, ended=NOW)
    assert not store.outbox.anything()


def test_told_of_a_key_are_its_own_notices_and_alerts_alone(store: Store) -> None:
    keys = [f'["lag",[["shard","{name}"]]]' for name in ("s1", "s11", 'größe \\"x\\" \\\\ %_')]
    store.outbox.put([notice(notifier="ops", key=key) for key in keys])
    before = store.outbox.notices()
    store.outbox.compose((), taken=before, alerts=[Alert(notice=one, reminders=0, next=NOW) for one in before])
    store.outbox.put([notice(notifier="boss", key=key, description=f'"key":"{keys[0]}",') for key in keys])
    for key in keys:
        found = store.outbox.told_of(key)
        assert [(one.notifier, one.key) for one in found] == [("ops", key), ("boss", key)]
