from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.errors import StoreError
from agent.model.reasons import Reason
from agent.model.runs import RunState, StepState
from agent.store import Store, chain
from agent.store.chain import Head, Kind
from agent.store.seal import Value
from agent.store.verdict import Fault
from agent.store.verify import verify
from tests.store.endings import DUE, ended

DAY = 86_400.0


def test_verify_while_the_agent_writes_finds_nothing(tmp_path: Path) -> None:
    done = threading.Event()

    def write() -> None:
        with Store(str(tmp_path / "s")) as store:
            for number in range(150):
                ended(store, DUE + number, name=f"task-{number % 3}")
                if number % 10 == 0:
                    store.runs.prune(DUE + number - 20, DUE + number + DAY, keep_per_task=2)
        done.set()

    with Store(str(tmp_path / "s")):
        pass
    writer = threading.Thread(target=write)
    writer.start()
    verified = 0
    while not done.is_set():
        with Store(str(tmp_path / "s"), read_only=True) as store:
            head = store.chain.head()
            verdict = verify(store, [(head, "a moment ago")] if head else [])
            assert verdict.intact, verdict.findings
            verified += 1
    writer.join()
    assert verified


def test_ends_written_at_the_same_time_make_one_chain(tmp_path: Path) -> None:
    with Store(str(tmp_path / "s")):
        pass

    def write(name: str) -> None:
        with Store(str(tmp_path / "s")) as store:
            for number in range(12):
                ended(store, DUE + number, name=name)

    writers = [threading.Thread(target=write, args=(f"task-{number}",)) for number in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    with Store(str(tmp_path / "s"), read_only=True) as store:
        verdict = verify(store)
    assert verdict.intact
    assert verdict.runs == 48


def test_append_is_undone_with_the_move_it_tells_of(tmp_path: Path) -> None:
    with Store(str(tmp_path / "s")) as store:
        before = store.chain.head()
        with pytest.raises(ValueError, match="no"), store.transaction():
            ended(store, DUE)
            raise ValueError("no")
        assert store.chain.head() == before
        assert verify(store).intact


def test_run_that_has_ended_changes_no_more(tmp_path: Path) -> None:
    with Store(str(tmp_path / "s")) as store:
        run = ended(store, DUE, RunState.FAILED)
        with pytest.raises(StoreError, match="has ended"):
            store.steps.write(run, 0, "step 0", StepState.UNDONE, started=DUE, ended=DUE + 9)
        assert not store.runs.advance(run, RunState.FAILED, RunState.STUCK)
        assert not store.runs.amend(run, detail="another")
        assert verify(store).intact


def test_verify_of_a_run_that_was_recorded_anew_names_its_first_record(tmp_path: Path) -> None:
    with Store(str(tmp_path / "s")) as store:
        run = ended(store, DUE)
        ended(store, DUE + 1)
        store.connection.rows("UPDATE runs SET detail = 'all was well' WHERE id = ?", (run,))
        store.chain.run_ended(run, DUE + 2)
        assert [(found.seq, found.fault, found.run) for found in verify(store).findings] == [(2, Fault.EDITED, run)]


def test_verify_of_a_false_record_of_forgetting_names_what_it_hides(tmp_path: Path) -> None:
    with Store(str(tmp_path / "s")) as store:
        run = ended(store, DUE)
        store.chain.pruned([run], DUE, DUE + 10)
        store.connection.rows("DELETE FROM runs")
        found = verify(store)
        assert [(one.seq, one.fault) for one in found.findings] == [(2, Fault.REMOVED), (3, Fault.REMOVED)]
        assert found.kept == 10


def test_prune_leaves_what_was_edited_as_evidence(tmp_path: Path) -> None:
    with Store(str(tmp_path / "s")) as store:
        numbers = [ended(store, DUE + number) for number in range(5)]
        store.connection.rows("UPDATE runs SET detail = 'x' WHERE id = 2")
        assert store.runs.prune(DUE + 100, DUE + 100 + DAY, keep_per_task=1) == 3
        kept: list[Value] = [row[0] for row in store.connection.rows("SELECT id FROM runs ORDER BY id")]
        assert kept == [2, numbers[-1]]
        assert [found.run for found in verify(store).findings] == [2]


def test_verify_of_a_run_removed_as_if_pruned_names_it(tmp_path: Path) -> None:
    with Store(str(tmp_path / "s")) as store:
        for number in range(6):
            ended(store, DUE + number)
        store.runs.prune(DUE + 4, DUE + DAY + 4, keep_per_task=1)
        store.connection.rows("DELETE FROM runs WHERE id = 5")
        assert [(found.run, found.fault) for found in verify(store).findings] == [(5, Fault.REMOVED)]


@pytest.fixture
def long_chain(tmp_path: Path) -> Iterator[Store]:
    """A store whose records from before DUE + 9000 are cut off, with a run and a hold of that time kept."""
    with Store(str(tmp_path / "s")) as store:
        old = ended(store, DUE, name="seldom")
        store.holds.place("remedy", Reason.BREAKER_OPEN, "acted too often", DUE)
        with store.transaction():
            for number in range(chain.CUT_AT_LEAST):
                store.chain.policies(f"sha256:{number}", DUE + number)
            ended(store, DUE + 9500)
        assert store.runs.get(old)
        store.runs.prune(DUE + 9000, DUE + 9000 + 2 * DAY)
        yield store


def test_cut_keeps_the_rest_verifiable_and_what_is_left_recorded(long_chain: Store) -> None:
    verdict = verify(long_chain)
    assert verdict.intact, verdict.findings
    assert verdict.first > chain.CUT_AT_LEAST
    assert (verdict.records, verdict.runs) == (4, 2)
    kinds = [str(row[0]) for row in long_chain.connection.rows("SELECT kind FROM history ORDER BY seq")]
    assert kinds == [Kind.RUN, Kind.RUN, Kind.HOLD, Kind.CUT]
    assert long_chain.chain.cut(DUE + 9000, DUE + 9001 + DAY) == 0


def test_cut_does_not_vouch_for_a_run_that_was_edited(tmp_path: Path) -> None:
    with Store(str(tmp_path / "s")) as store:
        old = ended(store, DUE, name="seldom")
        with store.transaction():
            for number in range(chain.CUT_AT_LEAST):
                store.chain.policies(f"sha256:{number}", DUE + number)
        store.connection.rows("UPDATE runs SET why = 'x' WHERE id = ?", (old,))
        store.runs.prune(DUE + 9000, DUE + 9000 + DAY)
        assert [(found.run, found.fault) for found in verify(store).findings] == [(old, Fault.EDITED)]


def test_verify_of_a_chain_cut_further_than_it_says_names_what_is_gone(long_chain: Store) -> None:
    first = int(str(long_chain.connection.rows("SELECT min(seq) FROM history")[0][0]))
    long_chain.connection.rows("DELETE FROM history WHERE seq = ?", (first,))
    found = verify(long_chain).findings[0]
    assert (found.seq, found.fault) == (first, Fault.REMOVED)


def test_head_from_before_a_cut_says_nothing(long_chain: Store) -> None:
    verdict = verify(long_chain, [(Head(7, "0" * 64, DUE + 6), "an old note"), (Head(8, "0" * 64), "my memory")])
    assert verdict.intact
    assert verdict.heads == 0
    assert verdict.kept == 2 * DAY


def test_head_younger_than_what_a_cut_names_tells_of_a_false_cut(long_chain: Store) -> None:
    found = verify(long_chain, [(Head(7, "0" * 64, DUE + 9400), "a note")]).findings
    assert [(one.seq, one.fault) for one in found] == [(7, Fault.REMOVED)]


ACTS = st.one_of(
    st.tuples(st.just("end"), st.integers(0, 2)),
    st.tuples(st.just("hold"), st.integers(0, 2)),
    st.tuples(st.just("prune"), st.integers(0, 6)),
    st.tuples(st.just("cut"), st.integers(0, 3)),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(ACTS, min_size=8, max_size=40))
def test_verify_after_any_course_of_ends_holds_and_forgetting_finds_nothing(acts: list[tuple[str, int]]) -> None:
    with tempfile.TemporaryDirectory(prefix="hk-") as place, Store(place) as store:
        store.connection.rows("PRAGMA synchronous = OFF")
        heads = []
        # A day passes with each act, so that whatever was before is old enough to be forgotten.
        for day, (act, number) in enumerate(acts):
            now = DUE + day * DAY
            match act:
                case "end":
                    ended(store, now, name=f"task-{number}")
                case "hold":
                    store.holds.place(f"remedy-{number}", Reason.BREAKER_OPEN, "", now)
                    store.holds.release(f"remedy-{number}", now + 1)
                case "prune":
                    store.runs.prune(now - (1 + number) * DAY, now, keep_per_task=number % 2)
                case _:
                    store.chain.cut(now - (1 + number) * DAY, now, least=2, most=6)
            head = store.chain.head()
            assert head is not None
            heads.append((head, "a note"))
        assert verify(store, heads).findings == []
