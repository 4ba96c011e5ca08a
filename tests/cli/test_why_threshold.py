"""Why a threshold is told to nobody, and why a remedy is held."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from agent.cli.why_threshold import why_firing, why_held
from agent.model.policies import PolicySet
from agent.model.reasons import Reason
from agent.model.signals import ConditionState, Verdict
from agent.rules.condition_json import dump_state
from agent.rules.series import state_key
from agent.store import Store
from tests.daemon.test_thresholds import FILLING, REMEDY, ROOT

POLICIES = PolicySet("digest", 1, {}, {}, {"filling": FILLING})
FIRES = ConditionState(Verdict.FAIL, since=1.0, violations=3, fired_at=2.0)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(str(tmp_path / "state")) as opened:
        yield opened


def test_threshold_says_of_each_series_whether_it_fires_and_is_muted(store: Store) -> None:
    muted = replace(FIRES, muted=Reason.PARENT_FIRING, muted_by="router")
    states = {ROOT: muted, (("mountpoint", "/home"),): FIRES, (("mountpoint", "/srv"),): ConditionState(Verdict.PASS)}
    store.conditions.set({state_key("filling", series): dump_state(state) for series, state in states.items()})
    found = why_firing("filling", store, POLICIES)
    assert [(one.about, one.reason, one.at, one.detail) for one in found] == [
        ("filling mountpoint=/ fires and is muted", Reason.PARENT_FIRING, 2.0, "by router"),
        ("filling mountpoint=/home fires", "", 2.0, ""),
    ]
    assert "explains" in found[0].meaning


def test_threshold_that_does_not_fire_says_so(store: Store) -> None:
    assert [one.about for one in why_firing("filling", store, POLICIES)] == ["filling does not fire"]
    assert why_firing("other", store, POLICIES) == []


def test_threshold_that_does_not_fire_says_what_is_missing_and_what_comes(store: Store) -> None:
    states = {
        (): ConditionState(Verdict.INCONCLUSIVE, missing_since=4.0),
        (("mountpoint", "/a"),): ConditionState(Verdict.ERROR, missing_since=5.0),
        (("mountpoint", "/b"),): ConditionState(Verdict.FAIL, since=6.0, violations=1),
        (("mountpoint", "/c"),): ConditionState(Verdict.PASS),
    }
    store.conditions.set({state_key("filling", series): dump_state(state) for series, state in states.items()})
    assert [(one.about, one.reason, one.at, one.detail) for one in why_firing("filling", store, POLICIES)] == [
        ("filling mountpoint=/a cannot be judged", "error", 5.0, "it could not be measured"),
        ("filling mountpoint=/b is violated, but not yet for long enough", "pending", 6.0, ""),
        ("filling cannot be judged", "inconclusive", 4.0, "there is no number to judge"),
    ]


@pytest.mark.parametrize("name", ["filling", "task", REMEDY])
def test_held_remedy_is_found_by_threshold_task_and_name(store: Store, name: str) -> None:
    store.holds.place(REMEDY, Reason.DOES_NOT_HELP, "task did not help 3 times", 5.0)
    store.holds.place("unrelated", Reason.BREAKER_OPEN, "it ran 3 times", 5.0)
    (found,) = why_held(name, store)
    assert (found.about, found.reason, found.detail) == (
        *(f"{REMEDY} is held", Reason.DOES_NOT_HELP, "task did not help 3 times"),
    )
