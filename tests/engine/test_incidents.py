"""What a threshold that fires and clears makes of an incident, and what is put together of one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from agent.engine.collect import keep, main
from agent.engine.dossier import dossier
from agent.engine.firing import Firing
from agent.engine.incidents import NEVER, Incidents, change_of, opens, subject
from agent.engine.submit import submit
from agent.model.conditions import Against, As, Bound, Comparison, Condition, Rate
from agent.model.incidents import Entry, EntryKind, Exhibit, IncidentState
from agent.model.policies import Instruction, PolicySet, Position, Severity, Threshold
from agent.model.reasons import Reason
from agent.model.runs import Origin, RunState
from agent.model.signals import ConditionState
from agent.rules.conditions import Event
from agent.store import Store
from tests.fakes import task

AT = 1_772_366_400.0
ROOT = (("mountpoint", "/"),)
FILLING = Threshold(
    name="filling",
    description="The disk fills",
    condition=Condition(signal="disk.used_percent", bound=Bound(above=90.0), clear=Bound(above=85.0)),
    severity=Severity.CRITICAL,
    run=("clean",),
    at_most=None,
    position=Position("p.yaml", 1, 1),
    runbook=(Instruction("Look"), Instruction("Clean", "clean")),
)
FIRED = Firing(
    threshold=FILLING,
    series=ROOT,
    event=Event.FIRED,
    at=AT,
    fired_at=AT,
    state=ConditionState(value=91.25),
    runs=(4, 5),
)
CLEARED = replace(FIRED, event=Event.CLEARED, at=AT + 90, state=ConditionState(value=12.0), runs=())


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(str(tmp_path / "state")) as opened:
        yield opened


@pytest.mark.parametrize(
    ("severity", "incident", "least", "expected"),
    [
        (Severity.CRITICAL, None, "critical", True),
        (Severity.WARNING, None, "critical", False),
        (Severity.WARNING, None, "info", True),
        (Severity.INFO, True, NEVER, True),
        (Severity.CRITICAL, None, NEVER, False),
        (Severity.CRITICAL, False, "info", False),
    ],
)
def test_severity_opens_an_incident_unless_the_threshold_says_otherwise(
    severity: Severity, incident: bool | None, least: str, expected: bool
) -> None:
    assert opens(replace(FILLING, severity=severity, incident=incident), least) is expected


def test_firing_opens_one_incident_and_firing_again_goes_on_with_it(store: Store) -> None:
    incidents = Incidents(store, "critical")
    incidents.policy = "digest"
    for firing in (FIRED, CLEARED, replace(FIRED, at=AT + 200, runs=(6,))):
        incidents.react(firing)
    (incident,) = store.incidents.listed()
    assert (incident.subject, incident.policy, incident.opened, incident.cleared) == (
        "disk.used_percent of mountpoint=/ is above 90",
        "digest",
        AT,
        None,
    )
    assert incident.runbook == FILLING.runbook
    assert [(entry.kind, entry.text) for entry in store.incidents.timeline(incident.id)] == [
        (EntryKind.FIRED, "fired: mountpoint=/ is 91.25, runs 4, 5 made to mend it"),
        (EntryKind.CLEARED, "cleared: mountpoint=/ is 12, after 1m30s"),
        (EntryKind.FIRED, "fired again: mountpoint=/ is 91.25, run 6 made to mend it"),
    ]


def test_firing_after_the_incident_was_closed_opens_another(store: Store) -> None:
    incidents = Incidents(store, "critical")
    incidents.react(FIRED)
    closed = Entry(at=AT + 1, kind=EntryKind.CLOSED, who="ada", text="a sale")
    store.incidents.move(1, IncidentState.CLOSED, closed, "a sale")
    incidents.react(CLEARED)
    incidents.react(replace(FIRED, at=AT + 300))
    assert [one.id for one in store.incidents.listed()] == [2]


@pytest.mark.parametrize(
    "firing", [replace(FIRED, muted="maintenance"), replace(FIRED, threshold=replace(FILLING, incident=False)), CLEARED]
)
def test_what_is_muted_or_not_wanted_or_clears_opens_nothing(store: Store, firing: Firing) -> None:
    Incidents(store, "critical").react(firing)
    assert store.incidents.listed() == []


def test_threshold_that_is_withdrawn_is_not_waited_for(store: Store) -> None:
    incidents = Incidents(store, "critical")
    incidents.react(FIRED)
    incidents.withdraw("filling", ROOT, AT + 5)
    incidents.withdraw("filling", (), AT + 5)
    assert store.incidents.get(1).cleared == AT + 5


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (Condition(signal="load.1m", bound=Bound(below=1), clear=Bound(below=1)), "load.1m is below 1"),
        (Condition(signal="x.y", bound=Bound(outside=(1, 2)), clear=Bound()), "x.y is outside 1 to 2"),
        (Condition(signal="x.y", bound=Bound(equals=0), clear=Bound()), "x.y is 0"),
        (Condition(signal="x.y", bound=Bound(not_equals=3), clear=Bound()), "x.y is not 3"),
        (
            Condition(signal="x.y", bound=Bound(above=5), clear=Bound(), change=Rate(600, 3600)),
            "the change of x.y in 1h00m is above 5",
        ),
        (
            Condition(
                signal="x.y", bound=Bound(above=2), clear=Bound(), compare=Comparison(Against.LAST_WEEK, As.RATIO)
            ),
            "the ratio of x.y to last week is above 2",
        ),
    ],
)
def test_subject_says_what_is_wrong(condition: Condition, expected: str) -> None:
    assert subject(replace(FILLING, condition=condition), ()) == expected


def test_change_names_what_came_went_and_is_different_but_not_what_only_moved(store: Store) -> None:
    moved = replace(task("c"), position=Position("q.yaml", 9, 9))
    before = PolicySet("1", 1, {}, {one.name: one for one in (task("a"), task("b"), task("c"))}, {"filling": FILLING})
    after = PolicySet("2", 2, {}, {"b": replace(task("b"), enabled=False), "c": moved, "d": task("d")}, {})
    change = change_of(before, after, AT)
    assert (change.added, change.changed) == (("tasks.d",), ("tasks.b",))
    assert change.removed == ("tasks.a", "thresholds.filling")
    unknown = change_of(None, after, AT)
    assert (unknown.added, unknown.changed, unknown.removed, unknown.files) == ((), (), (), 2)


def test_dossier_tells_of_runs_and_policies_in_the_order_they_came(store: Store) -> None:
    Incidents(store, "critical").react(FIRED)
    made = submit(
        store, task("clean"), policy="digest", origin=Origin.THRESHOLD, cause="filling", due=AT + 1, now=AT + 1
    )
    assert made is not None
    submit(store, task("clean"), policy="digest", origin=Origin.THRESHOLD, cause="filling", due=AT + 2, now=AT + 2)
    store.runs.advance(made.id + 1, RunState.PENDING, RunState.SKIPPED, ended=AT + 2, why=Reason.OVERLAP)
    policies = PolicySet("f" * 64, 3, {}, {"b": task("b")}, {})
    store.policy_changes.add(change_of(PolicySet("e" * 64, 3, {}, {}, {}), policies, AT - 60))
    found = dossier(store, 1)
    assert [entry.kind for entry in found.timeline] == [EntryKind.POLICIES, EntryKind.FIRED]
    assert found.timeline[0].text == "policies ffffffffffff put in force: added tasks.b"
    assert [run.id for run in found.runs] == [made.id]


def test_dossier_and_evidence_tell_of_a_replaced_run_that_it_was_replaced(store: Store, tmp_path: Path) -> None:
    Incidents(store, "critical").react(FIRED)
    made = submit(
        store, task("clean"), policy="digest", origin=Origin.THRESHOLD, cause="filling", due=AT + 1, now=AT + 1
    )
    assert made is not None
    store.runs.advance(made.id, RunState.PENDING, RunState.RUNNING, started=AT + 2)
    store.runs.advance(made.id, RunState.RUNNING, RunState.FAILED, ended=AT + 9, why=Reason.REPLACED)
    assert dossier(store, 1).timeline[-1].text == f"run {made.id} of clean replaced after 7.0s: replaced"
    main(str(tmp_path / "state"), [1])
    (runs,) = [one.text for one in store.incidents.exhibits(1) if one.name == "runs"]
    assert f"run {made.id} of clean: replaced" in runs


def test_evidence_is_collected_of_this_host_and_says_what_is_missing(store: Store, tmp_path: Path) -> None:
    Incidents(store, "critical").react(FIRED)
    store.policy_changes.add(change_of(None, PolicySet("f" * 64, 3, {}, {}, {}), AT))
    assert main(str(tmp_path / "state"), [1, 99]) == 0
    found = {one.name: one for one in store.incidents.exhibits(1)}
    assert found.keys() == {"processes", "pressure", "units", "log", "network", "runs", "policies"}
    assert "by resident memory" in found["processes"].text
    assert "MemAvailable" in found["pressure"].text
    assert "policies ffffffffffff in force, 3 files" in found["policies"].text
    for one in found.values():
        assert one.text or one.error, one.name
    (entry,) = [one for one in store.incidents.timeline(1) if one.kind is EntryKind.EXHIBITS]
    assert entry.text.startswith("7 pieces of evidence collected")
    assert store.incidents.without_exhibits() == []


def test_evidence_that_could_not_be_had_is_named_in_the_timeline(store: Store) -> None:
    Incidents(store, "critical").react(FIRED)
    keep(store, 1, [Exhibit(name="log", title="Last log lines", at=AT, text="", error="no journal\nno syslog")], AT + 1)
    assert store.incidents.timeline(1)[-1].text == (
        "1 pieces of evidence collected; not to be had, wholly or in part: last log lines (no journal; no syslog)"
    )
