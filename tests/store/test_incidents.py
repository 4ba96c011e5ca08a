"""Incidents in the store: what stands, what a timeline holds, and what is forgotten."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from agent.errors import NotFound, StoreError
from agent.model.incidents import Entry, EntryKind, Exhibit, Incident, IncidentState, Member, PolicyChange, Word
from agent.model.policies import Instruction
from agent.store import Store
from agent.store.incident_series import MOST_CLEARED
from agent.store.incidents import MOST_ENTRIES, MOST_TEXT
from agent.store.policy_changes import MOST
from agent.store.seal import seal
from agent.store.tables import JOINED, MIGRATIONS

OPENED = 1_772_366_400.0
ROOT = (("mountpoint", "/"),)
SRV = (("mountpoint", "/srv"),)
INCIDENT = Incident(
    id=0,
    threshold="filling",
    series=ROOT,
    severity="critical",
    subject="disk.used_percent of mountpoint=/ is above 90",
    description="größer",
    signal="disk.used_percent",
    value=91.5,
    policy="d" * 64,
    runbook=(Instruction("Look"), Instruction("Clean", "clean")),
    opened=OPENED,
    state=IncidentState.OPEN,
    cleared=None,
    ended=None,
    cause="",
)
NOTE = Entry(at=OPENED + 60, kind=EntryKind.NOTE, who="ada", text="looked")
ACKNOWLEDGED = replace(NOTE, kind=EntryKind.ACKNOWLEDGED)
CLOSED = Entry(at=OPENED + 600, kind=EntryKind.CLOSED, who="ada", text="a sale")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(str(tmp_path / "state")) as opened:
        yield opened


def test_incident_that_opened_is_kept_as_it_was_under_a_number_of_its_own(store: Store) -> None:
    first, second = store.incidents.open(INCIDENT), store.incidents.open(replace(INCIDENT, series=()))
    assert store.incidents.get(first) == replace(INCIDENT, id=first)
    assert store.incidents.of("filling", ROOT) == [store.incidents.get(first)]
    assert [one.id for one in store.incidents.of("filling")] == [second, first]
    assert [one.id for one in store.incidents.listed()] == [second, first]
    assert store.incidents.of("filling", SRV) == []


def test_incident_nobody_opened_is_not_found(store: Store) -> None:
    with pytest.raises(NotFound, match="no incident 7"):
        store.incidents.get(7)


def test_incident_is_acknowledged_once_and_closed_once(store: Store) -> None:
    number = store.incidents.open(INCIDENT)
    assert store.incidents.move(number, IncidentState.ACKNOWLEDGED, ACKNOWLEDGED)
    assert not store.incidents.move(number, IncidentState.ACKNOWLEDGED, ACKNOWLEDGED)
    assert store.incidents.move(number, IncidentState.CLOSED, CLOSED, "a sale")
    assert not store.incidents.move(number, IncidentState.CLOSED, CLOSED, "another")
    found = store.incidents.get(number)
    assert (found.state, found.ended, found.cause) == (IncidentState.CLOSED, CLOSED.at, "a sale")
    assert store.incidents.timeline(number) == [ACKNOWLEDGED, CLOSED]
    assert store.incidents.listed() == []
    assert [one.id for one in store.incidents.listed(closed=True)] == [number]
    assert store.incidents.of("filling", ROOT) == []


def test_incident_has_cleared_once_all_of_its_series_have(store: Store) -> None:
    number = store.incidents.open(INCIDENT)
    joined = Member(series=SRV, word=Word.JOINED, fired=OPENED + 5, value=97.0)
    assert store.incidents.see(number, joined).joined == 1
    gone = Member(series=ROOT, word=Word.FIRST, fired=OPENED, value=12.0, cleared=OPENED + 50, lasted=50.0)
    assert store.incidents.see(number, gone).cleared is None
    assert store.incidents.see(number, replace(joined, cleared=OPENED + 60, lasted=55.0)).cleared == OPENED + 60
    assert store.incidents.get(number).what == "disk.used_percent of mountpoint=/ is above 90 (and 1 more series)"
    assert [one.series for one in store.incidents.series.cleared(number, 9)] == [SRV, ROOT]
    assert store.incidents.see(number, replace(gone, word=Word.AGAIN, cleared=None)).cleared is None
    assert store.incidents.get(number).joined == 1


def test_series_that_come_and_go_are_bounded_and_those_that_fire_stay(store: Store) -> None:
    number = store.incidents.open(INCIDENT)
    with store.transaction():
        for second in range(MOST_CLEARED + 5):
            container = (("container", f"{second:04d}"),)
            fired = Member(series=container, word=Word.JOINED, fired=OPENED + second, value=1.0)
            store.incidents.see(number, replace(fired, cleared=fired.fired + 1, lasted=1.0))
    kept = store.incidents.series.cleared(number, 2 * MOST_CLEARED)
    assert len(kept) == MOST_CLEARED
    assert kept[-1].series == (("container", "0005"),)
    assert [one.series for one in store.incidents.series.firing(number, 9)] == [ROOT]
    assert store.incidents.get(number).joined == MOST_CLEARED + 5


def test_series_that_was_changed_costs_no_other_and_is_written_anew(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    number = store.incidents.open(INCIDENT)
    srv = Member(series=SRV, word=Word.JOINED, fired=OPENED, value=97.0)
    store.incidents.see(number, srv)
    store.connection.rows("UPDATE incident_series SET body = body || ' ' WHERE series LIKE '%srv%'")
    assert [one.series for one in store.incidents.series.firing(number, 9)] == [ROOT]
    assert store.incidents.series.of(number, SRV) is None
    assert caplog.text.count("a series of an incident is lost: the store is damaged") == 1
    assert store.incidents.see(number, srv).joined == 1
    assert store.incidents.series.of(number, SRV) == srv


def test_what_was_said_of_the_same_at_the_same_instant_is_written_over(store: Store) -> None:
    number = store.incidents.open(INCIDENT)
    first = Entry(at=OPENED, kind=EntryKind.FIRED, who="", text="also fired: a")
    store.incidents.tell(number, first, over="also fired: ")
    store.incidents.tell(number, replace(first, text="also fired: a; b"), over="also fired: ")
    store.incidents.tell(number, replace(first, text="fired again: c"), over="fired again: ")
    store.incidents.tell(number, replace(first, at=OPENED + 1), over="also fired: ")
    assert [one.text for one in store.incidents.timeline(number)] == [
        "also fired: a; b",
        "fired again: c",
        "also fired: a",
    ]


def test_store_whose_incidents_were_of_one_series_each_lives_on(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with Store(str(state)) as store:
        for series in (ROOT, SRV, (("mountpoint", "/old"),)):
            store.incidents.open(replace(INCIDENT, series=series))
        with store.transaction():
            store.incidents.see(2, Member(series=SRV, word=Word.FIRST, fired=OPENED, value=9.0, cleared=OPENED + 7))
        store.incidents.move(3, IncidentState.CLOSED, CLOSED, "a sale")
        rows = store.connection.rows("SELECT id, threshold, series, opened, state, ended, body FROM incidents")
        for row in rows:
            values = (*row[:-1], str(row[-1]).replace(',"joined":0', ""))
            store.connection.rows(
                "UPDATE incidents SET body = ?, seal = ? WHERE id = ?", (values[-1], seal("incidents", values), row[0])
            )
        assert "joined" not in str(store.connection.rows("SELECT body FROM incidents"))
        for table in reversed(re.findall(r"CREATE TABLE (\w+)", "".join(MIGRATIONS[JOINED - 1 :]))):
            store.connection.rows(f"DROP TABLE {table}")
        store.connection.rows(f"PRAGMA user_version = {JOINED - 1}")
    with Store(str(state)) as store:
        root = Member(series=ROOT, word=Word.FIRST, fired=OPENED, value=91.5)
        assert store.incidents.series.firing(1, 9) == [root]
        assert [one.cleared for one in store.incidents.series.cleared(2, 9)] == [OPENED + 7]
        assert store.incidents.series.cleared(3, 9) == []
        assert [(one.id, one.cleared) for one in store.incidents.listed(closed=True)] == [
            (3, None),
            (2, OPENED + 7),
            (1, None),
        ]
        assert [one.id for one in store.incidents.of("filling", SRV)] == [2]


def test_timeline_of_a_condition_that_flaps_is_bounded_and_people_are_still_heard(store: Store) -> None:
    number = store.incidents.open(INCIDENT)
    for second in range(MOST_ENTRIES + 5):
        store.incidents.tell(number, Entry(at=OPENED + second, kind=EntryKind.FIRED, who="", text="fired"))
    store.incidents.tell(number, NOTE)
    timeline = store.incidents.timeline(number)
    assert len(timeline) == MOST_ENTRIES + 1
    assert timeline[-1] == NOTE


def test_exhibits_are_kept_in_order_and_no_longer_than_allowed(store: Store) -> None:
    number, other = store.incidents.open(INCIDENT), store.incidents.open(INCIDENT)
    first = Exhibit(name="units", title="Failed units", at=OPENED + 1, text="none", error="half of it")
    second = Exhibit(name="log", title="Log", at=OPENED + 2, text="x" * (MOST_TEXT + 9))
    assert store.incidents.without_exhibits() == [number, other]
    told = Entry(at=OPENED + 2, kind=EntryKind.EXHIBITS, who="", text="2 pieces")
    store.incidents.collected(number, [second, first], told)
    assert store.incidents.exhibits(number) == [first, replace(second, text="x" * MOST_TEXT)]
    assert store.incidents.timeline(number) == [told]
    assert store.incidents.without_exhibits() == [other]


def test_exhibits_that_come_second_are_left_out(store: Store) -> None:
    number = store.incidents.open(INCIDENT)
    first = Exhibit(name="log", title="Log", at=OPENED, text="the moment it opened")
    store.incidents.collected(number, [first], NOTE)
    late = [replace(first, at=OPENED + 9, text="later"), replace(first, name="units")]
    store.incidents.collected(number, late, replace(NOTE, at=OPENED + 9))
    assert store.incidents.exhibits(number) == [first]
    assert store.incidents.timeline(number) == [NOTE]


def test_prune_forgets_what_was_closed_long_ago_with_all_that_belongs_to_it(store: Store) -> None:
    old, young, standing = (store.incidents.open(INCIDENT) for _ in range(3))
    exhibit = Exhibit(name="log", title="Log", at=OPENED, text="line")
    store.incidents.collected(old, [exhibit], NOTE)
    store.incidents.move(old, IncidentState.CLOSED, CLOSED, "a sale")
    store.incidents.move(young, IncidentState.CLOSED, replace(CLOSED, at=CLOSED.at + 1), "a sale")
    assert store.incidents.prune(CLOSED.at + 1) == 1
    assert [one.id for one in store.incidents.listed(closed=True)] == [standing, young]
    assert (store.incidents.timeline(old), store.incidents.exhibits(old)) == ([], [])
    assert store.incidents.opened() == 3
    assert store.incidents.open(INCIDENT) == 4


@pytest.mark.parametrize(
    ("table", "column"),
    [("incidents", "body"), ("incident_entries", "text"), ("incident_exhibits", "text")],
)
def test_row_that_was_changed_is_refused(store: Store, table: str, column: str) -> None:
    number = store.incidents.open(INCIDENT)
    store.incidents.collected(number, [Exhibit(name="log", title="Log", at=OPENED, text="line")], NOTE)
    store.connection.rows(f"UPDATE {table} SET {column} = {column} || ' '")
    read = {
        "incidents": store.incidents.get,
        "incident_entries": store.incidents.timeline,
        "incident_exhibits": store.incidents.exhibits,
    }[table]
    with pytest.raises(StoreError, match="is not what was written"):
        read(number)


def test_incident_that_was_changed_costs_no_other(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    bad, good = store.incidents.open(INCIDENT), store.incidents.open(replace(INCIDENT, series=()))
    store.connection.rows("UPDATE incidents SET body = body || ' ' WHERE id = ?", (bad,))
    assert [one.id for one in store.incidents.listed()] == [good]
    assert store.incidents.of("filling", ROOT) == []
    assert f"an incident is lost: the store is damaged: row {bad} of table incidents" in caplog.text


def test_change_of_policies_that_was_changed_costs_no_other(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    first = PolicyChange(at=OPENED, digest="a", files=1, added=(), changed=(), removed=())
    store.policy_changes.add(first)
    store.connection.rows("UPDATE policy_changes SET body = body || ' '")
    store.policy_changes.add(replace(first, digest="b"))
    assert [one.digest for one in store.policy_changes.since(0.0)] == ["b"]
    assert "a change of policies is lost" in caplog.text


def test_policy_set_in_force_again_is_no_change_and_old_changes_are_forgotten(store: Store) -> None:
    for number in range(MOST + 2):
        change = PolicyChange(
            at=OPENED + number, digest=str(number // 2), files=1, added=("tasks.a",), changed=(), removed=()
        )
        store.policy_changes.add(change)
    changes = store.policy_changes.since(OPENED + 2)
    assert [one.digest for one in changes] == [str(number) for number in range(1, MOST // 2 + 1)]
    assert changes[0].at == OPENED + 2
