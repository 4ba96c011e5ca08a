"""What is told of thresholds that fire."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from agent.daemon.reacting import Reaction
from agent.daemon.telling import Teller
from agent.host.notify import Notifier
from agent.rules.conditions import Event
from agent.store import Store
from tests.metrics.full import empty_metrics, numbers


def test_reaction_that_comes_late_is_told_and_not_counted_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    metrics = empty_metrics()
    fired = Reaction(threshold="full", series=(), event=Event.FIRED, value=9.0, muted="parent_firing")
    late = Reaction(threshold="full", series=(), event=Event.FIRED, value=8.0, runs=(3, 4), late=True)
    over = Reaction(threshold="full", series=(("mountpoint", "/"),), event=Event.CLEARED, value=1.0)
    with Store(str(tmp_path / "state")) as store:
        Teller(store, metrics, Notifier({})).thresholds(list, [fired, late, over])
    assert [record.getMessage() for record in caplog.records if record.name == "agent.daemon.telling"] == [
        "threshold full fired: value 9.0, muted (parent_firing)",
        "threshold full still fires: value 8.0, made runs 3, 4",
        "threshold full cleared mountpoint=/: value 1.0",
    ]
    assert numbers(metrics)['hostkeeper_threshold_events_total{event="fired",threshold="full"}'] == 1
