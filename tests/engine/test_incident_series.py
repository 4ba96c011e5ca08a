"""Many series of one threshold are one incident: they join it, clear one by one, and are told of in few words."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from agent.engine.dossier import MOST_SERIES, dossier
from agent.engine.firing import Firing
from agent.engine.incidents import NAMED, Incidents
from agent.model.incidents import Entry, EntryKind, IncidentState
from agent.model.policies import Severity
from agent.model.signals import ConditionState, Labels
from agent.store import Store
from agent.store.incidents import MOST_ENTRIES
from tests.engine.test_incidents import AT, CLEARED, FILLING, FIRED, ROOT

CLOSED = Entry(at=AT + 500, kind=EntryKind.CLOSED, who="ada", text="a disk")
MANY = 300


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(str(tmp_path / "state")) as opened:
        yield opened


def mounted(number: int) -> Labels:
    """Return the series of one of many mount points."""
    return (("mountpoint", f"/srv/{number:03d}"),)


def fired(number: int, at: float = AT, **more: object) -> Firing:
    """Return what is heard when the threshold fires on one of many series."""
    return replace(FIRED, series=mounted(number), at=at, fired_at=at, runs=(), **more)


def cleared(number: int, at: float) -> Firing:
    """Return what is heard when it clears there."""
    return replace(CLEARED, series=mounted(number), at=at)


def hear(store: Store, *firings: Firing) -> None:
    """React to what one pass has seen, in one transaction as the agent does."""
    incidents = Incidents(store, "critical")
    with store.transaction():
        for firing in firings:
            incidents.react(firing)


def told(store: Store, number: int = 1) -> list[str]:
    return [entry.text for entry in store.incidents.timeline(number)]


def test_many_series_that_fire_at_once_are_one_incident_told_of_in_two_lines(store: Store) -> None:
    hear(store, *(fired(number) for number in range(MANY)))
    assert [one.what for one in store.incidents.listed()] == [
        f"disk.used_percent of mountpoint=/srv/000 is above 90 (and {MANY - 1} more series)"
    ]
    assert store.incidents.opened() == 1
    assert store.incidents.without_exhibits() == [1]
    first, others = told(store)
    assert first == "fired: mountpoint=/srv/000 is 91.25"
    assert others.startswith("also fired: mountpoint=/srv/001 is 91.25; mountpoint=/srv/002 is 91.25; ")
    assert others.endswith(f"; mountpoint=/srv/{NAMED:03d} is 91.25; and {MANY - 1 - NAMED} more")


def test_incident_has_cleared_when_the_last_series_has(store: Store) -> None:
    hear(store, *(fired(number) for number in range(MANY)))
    hear(store, *(cleared(number, AT + 60) for number in range(1, MANY)))
    assert store.incidents.get(1).cleared is None
    assert told(store)[-1].endswith(f"; and {MANY - 1 - NAMED} more; of {MANY} series 1 still fires")
    hear(store, cleared(0, AT + 90))
    assert store.incidents.get(1).cleared == AT + 90
    assert told(store)[-1] == (f"cleared: mountpoint=/srv/000 is 12, after 1m30s; of {MANY} series none still fires")
    assert len(told(store)) == 4


def test_series_that_joins_later_is_told_of_with_its_runs(store: Store) -> None:
    hear(store, FIRED)
    hear(store, replace(fired(1, AT + 30, state=ConditionState(value=None)), runs=(9,)))
    hear(store, cleared(1, AT + 60))
    hear(store, fired(1, AT + 90))
    assert told(store) == [
        "fired: mountpoint=/ is 91.25, runs 4, 5 made to mend it",
        "also fired: mountpoint=/srv/001 has no data, run 9 made to mend it",
        "cleared: mountpoint=/srv/001 is 12, after 1m00s; of 2 series 1 still fires",
        "fired again: mountpoint=/srv/001 is 91.25",
    ]
    assert [one.series for one in dossier(store, 1).firing] == [ROOT, mounted(1)]


def test_series_that_fires_after_the_whole_was_closed_opens_another(store: Store) -> None:
    hear(store, *(fired(number) for number in range(3)))
    assert store.incidents.move(1, IncidentState.CLOSED, CLOSED, "a disk")
    hear(store, cleared(0, AT + 600), cleared(1, AT + 600), fired(0, AT + 601), fired(5, AT + 601))
    (incident,) = store.incidents.listed()
    assert (incident.id, incident.series, incident.joined) == (2, mounted(0), 1)
    hear(store, cleared(0, AT + 700), cleared(2, AT + 700), cleared(5, AT + 701))
    assert store.incidents.get(2).cleared == AT + 701
    assert store.incidents.get(1).cleared is None


def test_other_severity_is_another_incident_and_what_clears_has_cleared_in_both(store: Store) -> None:
    warning = replace(FILLING, severity=Severity.WARNING, incident=True)
    hear(store, replace(fired(0), threshold=warning))
    hear(store, fired(0, AT + 5), fired(1, AT + 5))
    assert [(one.severity, one.joined) for one in store.incidents.listed()] == [("critical", 1), ("warning", 0)]
    hear(store, cleared(0, AT + 9))
    assert [one.cleared for one in store.incidents.listed()] == [None, AT + 9]


def test_series_that_is_muted_joins_only_when_nothing_mutes_it_any_more(store: Store) -> None:
    hear(store, fired(0), fired(1, muted="own_maintenance"))
    assert store.incidents.get(1).joined == 0
    hear(store, fired(1, AT + 60))
    hear(store, fired(0, AT + 90), fired(1, AT + 90))
    assert told(store)[1:] == [
        "also fired: mountpoint=/srv/001 is 91.25",
        "still fires: mountpoint=/srv/000 is 91.25; mountpoint=/srv/001 is 91.25",
    ]


def test_threshold_that_is_withdrawn_is_waited_for_on_no_series_and_said_once(store: Store) -> None:
    hear(store, *(fired(number) for number in range(MANY)))
    with store.transaction():
        for number in range(MANY):
            assert store.incidents.get(1).cleared is None
            Incidents(store, "critical").withdraw("filling", mounted(number), AT + 5)
    assert store.incidents.get(1).cleared == AT + 5
    assert len(told(store)) == 3


def test_incidents_of_one_series_each_go_on_and_what_is_new_joins_the_newest(store: Store) -> None:
    hear(store, fired(0))
    former = store.incidents.get(1)
    assert store.incidents.open(replace(former, series=mounted(1))) == 2
    hear(store, cleared(0, AT + 60), fired(7, AT + 60))
    hear(store, fired(0, AT + 90))
    assert [(one.id, one.joined, one.cleared) for one in store.incidents.listed()] == [(2, 1, None), (1, 0, None)]
    hear(store, cleared(1, AT + 99), cleared(7, AT + 99), cleared(0, AT + 99))
    assert [one.cleared for one in store.incidents.listed()] == [AT + 99, AT + 99]
    assert store.incidents.opened() == 2


def test_dossier_cuts_a_long_list_of_series_and_says_how_many_there_are(store: Store) -> None:
    hear(store, *(fired(number) for number in range(MANY)))
    hear(store, *(cleared(number, AT + number) for number in range(MOST_SERIES + 7)))
    found = dossier(store, 1)
    assert (found.fires, found.quiet) == (MANY - MOST_SERIES - 7, MOST_SERIES + 7)
    assert (len(found.firing), len(found.cleared)) == (MOST_SERIES, MOST_SERIES)
    assert found.cleared[0].series == mounted(MOST_SERIES + 6)


def test_timeline_of_series_that_flap_is_bounded(store: Store) -> None:
    hear(store, fired(0))
    with store.transaction():
        for second in range(MOST_ENTRIES):
            hear(store, cleared(1, AT + second), fired(1, AT + second))
    assert len(told(store)) == MOST_ENTRIES
    assert store.incidents.get(1).cleared is None


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(st.tuples(st.integers(0, 4), st.booleans()), max_size=6), max_size=8))
def test_incident_fires_exactly_while_one_of_its_series_does(passes: list[list[tuple[int, bool]]]) -> None:
    fires: set[int] = set()
    heard: set[int] = set()
    with tempfile.TemporaryDirectory() as place, Store(place) as store:
        for second, changes in enumerate(passes):
            at = AT + second
            hear(store, *(fired(one, at) if fire else cleared(one, at) for one, fire in changes))
            for one, fire in changes:
                (fires.add if fire else fires.discard)(one)
                heard |= {one} if fire else set()
            standing = store.incidents.listed()
            assert len(standing) == bool(heard)
            for incident in standing:
                assert (incident.cleared is None) == bool(fires)
                assert incident.joined == len(heard) - 1
                assert {one.series for one in dossier(store, 1).firing} == {mounted(one) for one in fires}
