from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from agent.engine.firing import Firing
from agent.engine.notifying import LATE, Notices, held, undelivered
from agent.model.notices import Event
from agent.model.policies import Notify, Severity
from agent.model.signals import ConditionState, Verdict
from agent.rules import conditions
from agent.store import Store
from tests.engine.bench import BUSY, Carrier, SenderBench
from tests.engine.test_incidents import FILLING
from tests.fakes import task
from tests.notices import NOW, notice, notifier


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(str(tmp_path / "state")) as made:
        yield made


def test_reactor_leaves_a_notice_for_each_notifier_and_none_while_muted(store: Store) -> None:
    notices, state = Notices(store), ConditionState(verdict=Verdict.FAIL, fired_at=NOW, value=93.5)
    one = replace(FILLING, notify=("ops", "boss"))
    firing = Firing(
        threshold=one, series=(), event=conditions.Event.FIRED, at=NOW, fired_at=NOW, state=state, runs=(4,)
    )
    notices.react(replace(firing, muted="a parent fires"))
    assert store.outbox.notices() == []
    notices.react(firing)
    assert [(found.notifier, found.value) for found in store.outbox.notices()] == [
        ("ops", 93.5),
        ("boss", 93.5),
    ]
    notices.withdraw(one.name, (), NOW + 5)
    assert [found.event for found in store.outbox.notices()] == [Event.FIRED] * 2 + [Event.CLEARED] * 2
    assert "changed or taken out of the policies" in store.outbox.notices()[-1].detail


def test_clearing_is_told_to_who_was_told_and_is_not_named_any_more(store: Store) -> None:
    bench = SenderBench(store, notifier(group_wait=0.0))
    one, state = replace(FILLING, notify=("ops",)), ConditionState(verdict=Verdict.FAIL, fired_at=NOW, value=93.5)
    fired = Firing(threshold=one, series=(), event=conditions.Event.FIRED, at=NOW, fired_at=NOW, state=state, runs=())
    Notices(store).react(fired)
    bench.at(NOW)
    unnamed = replace(one, notify=())
    Notices(store).react(replace(fired, threshold=unnamed, event=conditions.Event.CLEARED, at=NOW + 60))
    bench.at(NOW + 60)
    assert bench.subjects()[1].endswith(f"{one.name} is over after 1m00s")
    assert not store.outbox.anything()


def test_task_that_is_held_tells_whom_it_names() -> None:
    one = task(notify=Notify(("ops",), ("held",), Severity.WARNING))
    (found,) = held(one, NOW)
    assert (found.event, found.notifier) == (Event.HELD, "ops")
    assert held(task(notify=Notify(("ops",), ("failure",), Severity.WARNING)), NOW) == []
    assert held(task(), NOW) == []


def test_message_that_is_late_is_trouble_once_it_was_tried(store: Store) -> None:
    bench = SenderBench(store, notifier(group_wait=0.0, repeat=None), carriers={"ops": Carrier(BUSY)})
    store.outbox.put([notice()])
    bench.at(NOW)
    assert undelivered(store, NOW + LATE) == []
    assert undelivered(store, NOW + LATE + 1) == ["1 messages to ops wait, for 5m01s by now: status 503"]
