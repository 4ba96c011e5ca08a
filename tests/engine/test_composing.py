from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.engine.notifying import undelivered
from agent.engine.submit import submit
from agent.model.notices import Event, State
from agent.model.policies import Notify, Quiet, Repeat, Severity, Task
from agent.model.reasons import Reason
from agent.model.runs import Origin, RunState
from agent.model.signals import ConditionState, Verdict
from agent.rules.condition_json import dump_state
from agent.store import Store
from tests.engine.bench import BUSY, NEVER, TAKEN, Carrier, SenderBench, at
from tests.fakes import task
from tests.notices import NOW, notice, notifier

HOUR = 3600.0
OVER = {"event": Event.CLEARED}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(str(tmp_path / "state")) as made:
        yield made


def fires(store: Store, key: str = notice().key) -> None:
    """The condition of the notices fires, as the store has it."""
    store.conditions.set({key: dump_state(ConditionState(verdict=Verdict.FAIL, since=NOW, fired_at=NOW))})


def test_firings_within_the_wait_become_one_message(store: Store) -> None:
    bench = SenderBench(store, notifier(group_wait=30.0))
    store.outbox.put([notice(), notice(key="other", subject="other", at=NOW + 20)])
    assert bench.at(NOW + 20) == NOW + 30
    bench.at(NOW + 30)
    assert bench.subjects() == ["[shop] warning: 2 fire"]


def test_reminders_come_with_growing_pauses_until_it_is_over(store: Store) -> None:
    bench = SenderBench(store, notifier(group_wait=0.0, repeat=Repeat(HOUR, 3 * HOUR)))
    fires(store)
    store.outbox.put([notice()])
    instants = [NOW]
    while len(instants) < 5:
        wake = bench.at(instants[-1])
        assert wake is not None
        instants.append(wake)
    assert [round((one - NOW) / HOUR) for one in instants] == [0, 1, 3, 6, 9]
    store.outbox.put([notice(**OVER, at=NOW + 7 * HOUR)])
    assert bench.at(NOW + 7 * HOUR) is None
    assert [subject.partition(": ")[2] for subject in bench.subjects()] == [
        "root-filling fires: disk.used_percent is 93.5",
        *["root-filling still fires: disk.used_percent is 93.5"] * 3,
        "root-filling is over after 7h00m",
    ]


def test_recovery_names_the_runs_that_were_made_and_how_they_ended(store: Store) -> None:
    run = submit(store, task("clean"), policy="p", origin=Origin.THRESHOLD, due=NOW, now=NOW, cause="root-filling")
    assert run is not None
    store.runs.advance(run.id, RunState.PENDING, RunState.RUNNING, started=NOW)
    store.runs.advance(run.id, RunState.RUNNING, RunState.SUCCEEDED, ended=NOW + 3)
    for number, why in ((2, Reason.OVERLAP), (3, Reason.DISABLED)):
        submit(store, task("clean"), policy="p", origin=Origin.THRESHOLD, due=NOW, now=NOW, cause="root-filling")
        store.runs.advance(number, RunState.PENDING, RunState.SKIPPED, ended=NOW, why=why)
    bench = SenderBench(store, notifier(group_wait=0.0))
    fires(store)
    store.outbox.put([notice()])
    bench.at(NOW)
    store.outbox.put([notice(**OVER, at=NOW + 60)])
    bench.at(NOW + 60)
    assert "done: clean (run 1) succeeded in 3.0s" in bench.carriers["ops"].got[-1].body
    assert "done: clean (run 3) skipped" in bench.carriers["ops"].got[-1].body
    assert "(run 2)" not in bench.carriers["ops"].got[-1].body
    assert "it lasted 1m00s" in bench.carriers["ops"].got[-1].body


def test_quiet_hours_hold_back_and_end_in_one_message(store: Store) -> None:
    quiet = Quiet(22 * 60, 7 * 60, "UTC", (Severity.CRITICAL,))
    night, morning = at("2026-03-10T23:00"), at("2026-03-11T07:00")
    bench = SenderBench(store, notifier(group_wait=0.0, quiet=quiet, repeat=None))
    store.outbox.put([notice(at=night, since=night), notice(key="other", subject="gone", at=night)])
    store.outbox.put([notice(key="bad", subject="bad", severity=Severity.CRITICAL, at=night)])
    assert bench.at(night) == morning
    store.outbox.put([notice(key="other", subject="gone", at=night + 60, **OVER)])
    fires(store, "bad")
    bench.at(night + 60)
    assert len(bench.subjects()) == 1
    fires(store)
    bench.at(morning)
    assert bench.subjects()[0].startswith("[shop] critical: bad fires")
    assert bench.subjects()[1:][-1] == "[shop] warning: 1 fires, 1 is over"
    assert "gone came and went" in bench.carriers["ops"].got[-1].body


@pytest.mark.parametrize("ahead", [2 * 24 * HOUR, 365 * 24 * HOUR])
def test_reminders_go_on_after_a_clock_that_was_ahead_is_set_back(store: Store, ahead: float) -> None:
    bench = SenderBench(store, notifier(group_wait=0.0))
    fires(store)
    store.outbox.put([notice()])
    bench.at(NOW)
    bench.at(NOW + ahead)
    assert bench.at(NOW + HOUR) == NOW + 5 * HOUR
    assert len(bench.subjects()) == 3


def test_reminders_keep_silent_in_quiet_hours(store: Store) -> None:
    quiet = Quiet(22 * 60, 7 * 60, "UTC", ())
    evening, morning = at("2026-03-10T21:30"), at("2026-03-11T07:00")
    bench = SenderBench(store, notifier(group_wait=0.0, quiet=quiet))
    fires(store)
    store.outbox.put([notice(at=evening)])
    assert bench.at(evening) == evening + HOUR
    assert bench.at(evening + HOUR) == morning
    bench.at(morning)
    assert len(bench.subjects()) == 2


def test_clearing_of_what_was_never_told_is_not_told(store: Store) -> None:
    bench = SenderBench(store, notifier(group_wait=0.0, severity=Severity.CRITICAL))
    store.outbox.put([notice()])
    bench.at(NOW)
    store.outbox.put([notice(**OVER)])
    assert bench.at(NOW) is None
    assert bench.subjects() == []


def test_threshold_that_nobody_watches_any_more_is_told_to_be_over(store: Store) -> None:
    bench = SenderBench(store, notifier(group_wait=0.0))
    store.outbox.put([notice()])
    bench.at(NOW)
    bench.at(NOW + HOUR)
    assert "it is not watched any more" in bench.carriers["ops"].got[-1].body
    assert not store.outbox.anything()


def test_alertmanager_hears_again_until_it_is_over(store: Store) -> None:
    settings = {"urls": ["http://a", "http://b"], "resend": 60.0, "labels": {}}
    bench = SenderBench(store, notifier(kind="alertmanager", settings=settings))
    fires(store)
    store.outbox.put([notice()])
    assert bench.at(NOW) == NOW + 60
    assert bench.at(NOW + 60) == NOW + 120
    store.outbox.put([notice(**OVER, at=NOW + 90)])
    assert bench.at(NOW + 90) is None
    for name in ("ops/1", "ops/2"):
        told = [one.items[0].notice.event for one in bench.carriers[name].got]
        assert told == [Event.FIRED, Event.FIRED, Event.CLEARED]
    assert store.outbox.standing("ops/1").delivered == 2


def test_alertmanager_that_is_down_is_told_no_refresh_twice(store: Store) -> None:
    settings = {"urls": ["http://a"], "resend": 60.0, "labels": {}}
    bench = SenderBench(store, notifier(kind="alertmanager", settings=settings), carriers={"ops": Carrier(TAKEN, BUSY)})
    fires(store)
    store.outbox.put([notice()])
    for minute in range(30):
        bench.at(NOW + 60 * minute)
    assert len(store.outbox.messages()) == 1


def test_alertmanager_hears_of_a_task_until_its_next_success(store: Store) -> None:
    settings = {"urls": ["http://a"], "resend": 60.0, "labels": {}}
    bench = SenderBench(store, notifier(kind="alertmanager", settings=settings))
    failing = task(notify=Notify(("ops",), ("failure",), Severity.WARNING))
    end_run(store, failing, RunState.FAILED)
    bench.at(NOW)
    bench.at(NOW + 60)
    end_run(store, failing, RunState.SUCCEEDED)
    bench.at(NOW + 120)
    told = [one.items[0].notice.event for one in bench.carriers["ops"].got]
    assert told == [Event.FAILURE, Event.FAILURE, Event.RECOVERY]
    assert not store.outbox.anything()


def end_run(store: Store, one: Task, state: RunState) -> None:
    run = submit(store, one, policy="p", origin=Origin.MANUAL, due=NOW, now=NOW)
    assert run is not None
    store.runs.advance(run.id, RunState.PENDING, RunState.RUNNING, started=NOW)
    store.runs.advance(run.id, RunState.RUNNING, state, ended=NOW)


def test_receiver_that_fails_holds_up_no_other_and_gets_everything_in_order(store: Store) -> None:
    bench = SenderBench(
        store,
        notifier(group_wait=0.0),
        notifier(name="boss", group_wait=0.0),
        carriers={"ops": Carrier(BUSY, BUSY, TAKEN), "boss": Carrier()},
    )
    wake: float | None = NOW
    for number in range(3):
        both = [notice(notifier=name, subject=f"t{number}", key=f"k{number}") for name in ("ops", "boss")]
        store.outbox.put(both)
        fires(store, f"k{number}")
        wake = bench.at(NOW + number / 10)
    assert len(bench.subjects("boss")) == 3
    for _ in range(2):
        assert wake is not None
        wake = bench.at(wake)
    assert [subject.split()[2] for subject in bench.subjects()] == ["t0", "t0", "t0", "t1", "t2"]


def test_message_that_is_refused_for_good_is_parked_and_the_next_goes(store: Store) -> None:
    bench = SenderBench(store, notifier(group_wait=0.0), carriers={"ops": Carrier(NEVER, TAKEN)})
    for key in ("a", "b"):
        store.outbox.put([notice(key=key)])
        bench.at(NOW)
    assert [one.state for one in store.outbox.messages(ended=True)] == [State.PARKED, State.DELIVERED]


def test_message_that_is_too_old_is_dropped_when_it_fails_again_and_the_next_says_so(store: Store) -> None:
    bench = SenderBench(
        store, notifier(group_wait=0.0, expire=HOUR, repeat=None), carriers={"ops": Carrier(BUSY, BUSY, TAKEN)}
    )
    store.outbox.put([notice(key="old")])
    bench.at(NOW)
    store.outbox.put([notice(key="new", at=NOW + 2 * HOUR)])
    wake = bench.at(NOW + 2 * HOUR)
    assert wake is not None
    bench.at(wake)
    assert bench.carriers["ops"].got[-1].body.endswith("(1 messages before this one were dropped undelivered)")
    assert (store.outbox.standing("ops").dropped, store.outbox.standing("ops").untold) == (1, 0)


def test_message_that_waited_while_the_clock_was_set_or_the_agent_down_is_sent(store: Store) -> None:
    lasting = notifier(group_wait=0.0, expire=HOUR, repeat=None)
    bench = SenderBench(store, lasting, carriers={"ops": Carrier(BUSY, TAKEN)})
    fires(store)
    store.outbox.put([notice()])
    bench.at(NOW)
    bench.at(NOW + 365 * 24 * HOUR)
    assert (store.outbox.standing("ops").delivered, store.outbox.standing("ops").dropped) == (1, 0)


def test_message_that_was_parked_for_long_is_sent_once_it_is_asked_for(store: Store) -> None:
    bench = SenderBench(store, notifier(group_wait=0.0, expire=HOUR), carriers={"ops": Carrier(NEVER, TAKEN)})
    fires(store)
    store.outbox.put([notice()])
    bench.at(NOW)
    assert store.outbox.release(["ops"]) == 1
    bench.at(NOW + 2 * HOUR)
    assert bench.carriers["ops"].got[1].id == bench.carriers["ops"].got[0].id
    assert store.outbox.standing("ops").dropped == 0


def test_message_sent_again_has_the_same_id(store: Store) -> None:
    bench = SenderBench(store, notifier(group_wait=0.0), carriers={"ops": Carrier(BUSY, TAKEN)})
    store.outbox.put([notice()])
    wake = bench.at(NOW)
    assert wake is not None
    bench.at(wake)
    first, second = bench.carriers["ops"].got
    assert first.id == second.id


def test_what_is_for_a_notifier_that_is_gone_is_let_go(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    store.outbox.put([notice(notifier="gone"), notice()])
    before = SenderBench(store, notifier(name="gone", group_wait=0.0), carriers={"gone": Carrier(BUSY)})
    before.at(NOW)
    store.outbox.put([notice(notifier="gone")])
    SenderBench(store, notifier(group_wait=0.0)).at(NOW)
    assert "any more: 1" in caplog.text
    assert not [one for one in store.outbox.messages() if one.message.receiver == "gone"]
    assert not store.outbox.anything()


def test_alert_that_a_notifier_heard_of_before_it_went_is_let_go_without_a_word(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    fires(store)
    store.outbox.put([notice(notifier="gone")])
    SenderBench(store, notifier(name="gone", group_wait=0.0)).at(NOW)
    assert store.outbox.alerts()
    SenderBench(store, notifier(group_wait=0.0)).at(NOW)
    assert not store.outbox.alerts()
    assert "any more" not in caplog.text


def test_what_a_notifier_that_is_gone_refused_is_let_go(store: Store) -> None:
    store.outbox.put([notice(notifier="gone")])
    SenderBench(store, notifier(name="gone", group_wait=0.0), carriers={"gone": Carrier(NEVER)}).at(NOW)
    assert undelivered(store, NOW) == [
        "gone refused 1 messages (status 400); mend it, then `hostkeeper notify retry gone`"
    ]
    assert store.outbox.anything()
    SenderBench(store, notifier(group_wait=0.0)).at(NOW)
    assert undelivered(store, NOW) == []
    assert not store.outbox.anything()
