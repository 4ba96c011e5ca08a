from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.model.reasons import Reason
from agent.store import Store
from agent.store.chain import NOTHING, Head, digest_of_rows, record_hash
from agent.store.connection import DATABASE_NAME
from agent.store.seal import seal
from agent.store.tables import MIGRATIONS
from agent.store.verdict import Fault, Verdict
from agent.store.verify import verify
from tests.store.endings import DUE, ended

RUNS = 12


@dataclass(frozen=True)
class World:
    """A store on disk, the head it has, and the head it had before its last two runs."""

    directory: Path
    head: Head
    yesterday: Path


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    place = tmp_path_factory.mktemp("chain")
    with Store(str(place / "s")) as store:
        for number in range(RUNS - 2):
            ended(store, DUE + number)
        store.holds.place("remedy", Reason.BREAKER_OPEN, "acted too often", DUE)
        store.chain.policies("sha256:0", DUE)
    shutil.copytree(place / "s", place / "yesterday")
    with Store(str(place / "s")) as store:
        store.holds.release("remedy", DUE + 1)
        for number in range(RUNS - 2, RUNS):
            ended(store, DUE + number)
        head = store.chain.head()
    assert head is not None
    return World(place / "s", head, place / "yesterday")


@contextmanager
def copy_of(directory: Path) -> Iterator[Path]:
    copy = directory.with_name(f"copy-{threading.get_ident()}")
    shutil.copytree(directory, copy)
    try:
        yield copy
    finally:
        shutil.rmtree(copy)


def edited(directory: Path, edit: Callable[[apsw.Connection], object], head: Head | None = None) -> Verdict:
    """Return the verdict on a copy of a store that was edited behind our back."""
    with copy_of(directory) as copy:
        with apsw.Connection(str(copy / DATABASE_NAME)) as raw:
            edit(raw)
        raw.close()
        with Store(str(copy), read_only=True) as store:
            return verify(store, [(head, "somebody")] if head else [])


def last_record_of(raw: apsw.Connection, run: int) -> int:
    return int(
        str(next(raw.execute("SELECT max(seq) FROM history WHERE kind = 'run' AND subject = ?", (str(run),)))[0])
    )


def rechain(raw: apsw.Connection) -> None:
    """Make every hash follow from the one before it, as somebody who knows how would."""
    rows = list(raw.execute("SELECT seq, kind, subject, digest, at FROM history ORDER BY seq"))
    previous = NOTHING
    for seq, kind, subject, digest, at in rows:
        previous = record_hash(previous, int(str(seq)), str(kind), str(subject), str(digest), float(str(at)))
        raw.execute("UPDATE history SET hash = ? WHERE seq = ?", (previous, seq))


def test_verify_of_what_was_written_finds_nothing(world: World) -> None:
    verdict = edited(world.directory, lambda _: None, world.head)
    assert verdict.intact
    assert (verdict.runs, verdict.heads, verdict.first, verdict.head) == (RUNS, 1, 1, world.head)
    assert verdict.records == RUNS + 4


@settings(max_examples=60, deadline=None)
@given(record=st.integers(1, RUNS + 4), column=st.sampled_from(["kind", "subject", "digest", "at", "hash"]))
def test_verify_of_an_edited_record_names_it(world: World, record: int, column: str) -> None:
    value = 1.5 if column == "at" else "x"
    verdict = edited(
        world.directory, lambda raw: raw.execute(f"UPDATE history SET {column} = ? WHERE seq = ?", (value, record))
    )
    assert verdict.findings[0].seq == record


COLUMNS = {
    table: [
        str(row[1])
        for row in apsw.Connection(":memory:").execute(f"{';'.join(MIGRATIONS)}; PRAGMA table_info({table})")
    ]
    for table in ("runs", "steps", "holds")
}


@settings(max_examples=80, deadline=None)
@given(run=st.integers(1, RUNS), column=st.sampled_from([*COLUMNS["runs"]]), resealed=st.booleans(), data=st.data())
def test_verify_of_an_edited_run_names_its_record(
    world: World, run: int, column: str, resealed: bool, data: st.DataObject
) -> None:
    value = data.draw(st.sampled_from([-1, 99.5, "elsewhere", b"\xff"]))
    place = 0

    def edit(raw: apsw.Connection) -> None:
        nonlocal place
        place = last_record_of(raw, run)
        raw.execute("PRAGMA ignore_check_constraints = ON")
        raw.execute(f"UPDATE OR REPLACE runs SET {column} = ? WHERE id = ?", (value if column != "id" else 999, run))
        if resealed and column not in ("id", "seal") and not isinstance(value, bytes):
            names = COLUMNS["runs"][1:-1]
            row = next(raw.execute(f"SELECT {', '.join(names)} FROM runs WHERE id = ?", (run,)))
            raw.execute("UPDATE runs SET seal = ? WHERE id = ?", (seal("runs", row), run))

    first = edited(world.directory, edit).findings[0]
    assert (first.seq, first.run) == (place, run)


@settings(max_examples=50, deadline=None)
@given(run=st.integers(1, RUNS), seq=st.integers(0, 1), column=st.sampled_from([*COLUMNS["steps"]]), gone=st.booleans())
def test_verify_of_an_edited_or_removed_step_names_its_record(
    world: World, run: int, seq: int, column: str, gone: bool
) -> None:
    place = 0

    def edit(raw: apsw.Connection) -> None:
        nonlocal place
        place = last_record_of(raw, run)
        if gone:
            raw.execute("DELETE FROM steps WHERE run = ? AND seq = ?", (run, seq))
        else:
            raw.execute(f"UPDATE steps SET {column} = ? WHERE run = ? AND seq = ?", (77, run, seq))

    first = edited(world.directory, edit).findings[0]
    assert (first.seq, first.run, first.fault) == (place, run, Fault.EDITED)


@pytest.mark.parametrize("column", [name for name in COLUMNS["holds"] if name != "name"])
def test_verify_of_an_edited_hold_names_its_record(world: World, column: str) -> None:
    verdict = edited(world.directory, lambda raw: raw.execute(f"UPDATE holds SET {column} = 5"))
    assert (verdict.findings[0].seq, verdict.findings[0].fault) == (RUNS + 2, Fault.EDITED)


@settings(max_examples=40, deadline=None)
@given(count=st.integers(1, RUNS + 3))
def test_verify_of_a_store_whose_last_records_are_gone_is_told_by_a_head(world: World, count: int) -> None:
    def edit(raw: apsw.Connection) -> None:
        raw.execute("DELETE FROM history WHERE seq > ?", (world.head.seq - count,))
        raw.execute("DELETE FROM runs WHERE NOT EXISTS (SELECT 1 FROM history WHERE subject = CAST(id AS TEXT))")
        raw.execute("DELETE FROM steps WHERE run NOT IN (SELECT id FROM runs)")

    verdict = edited(world.directory, edit, world.head)
    assert (verdict.findings[-1].seq, verdict.findings[-1].fault) == (world.head.seq - count + 1, Fault.ROLLED_BACK)


@settings(max_examples=40, deadline=None)
@given(places=st.lists(st.integers(1, RUNS + 4), min_size=2, max_size=2, unique=True))
def test_verify_of_swapped_records_names_the_first(world: World, places: list[int]) -> None:
    def edit(raw: apsw.Connection) -> None:
        first, second = places
        raw.execute("UPDATE history SET seq = -1 WHERE seq = ?", (first,))
        raw.execute("UPDATE history SET seq = ? WHERE seq = ?", (first, second))
        raw.execute("UPDATE history SET seq = ? WHERE seq = -1", (second,))

    first = edited(world.directory, edit).findings[0]
    assert first.seq == min(places)
    assert first.fault is Fault.REORDERED or min(places) == 1


@settings(max_examples=40, deadline=None)
@given(place=st.integers(2, RUNS + 3), renumbered=st.booleans())
def test_verify_of_a_removed_record_names_its_place(world: World, place: int, renumbered: bool) -> None:
    def edit(raw: apsw.Connection) -> None:
        raw.execute("DELETE FROM history WHERE seq = ?", (place,))
        if renumbered:
            for (seq,) in list(raw.execute("SELECT seq FROM history WHERE seq > ? ORDER BY seq", (place,))):
                raw.execute("UPDATE history SET seq = seq - 1 WHERE seq = ?", (seq,))

    first = edited(world.directory, edit).findings[0]
    assert (first.seq, first.fault) == (place, Fault.EDITED if renumbered else Fault.REMOVED)


@settings(max_examples=30, deadline=None)
@given(place=st.integers(2, RUNS + 4))
def test_verify_of_an_inserted_record_names_it(world: World, place: int) -> None:
    def edit(raw: apsw.Connection) -> None:
        for (seq,) in list(raw.execute("SELECT seq FROM history WHERE seq >= ? ORDER BY seq DESC", (place,))):
            raw.execute("UPDATE history SET seq = seq + 1 WHERE seq = ?", (seq,))
        before = str(next(raw.execute("SELECT hash FROM history WHERE seq = ?", (place - 1,)))[0])
        values = (place, "policies", "sha256:1", "", DUE)
        raw.execute("INSERT INTO history VALUES (?, ?, ?, ?, ?, ?)", (*values, record_hash(before, *values)))

    first = edited(world.directory, edit).findings[0]
    assert (first.seq, first.fault) == (place, Fault.INSERTED)


@pytest.mark.parametrize("table", ["history", "runs"])
def test_verify_of_an_emptied_table_finds_that(world: World, table: str) -> None:
    verdict = edited(world.directory, lambda raw: raw.execute(f"DELETE FROM {table}"))
    assert verdict.findings[0].fault is Fault.REMOVED
    assert verdict.findings[0].seq == (1 if table == "history" else 2)


def test_verify_of_a_run_that_was_put_in_names_it(world: World) -> None:
    names = ", ".join(COLUMNS["runs"][1:])
    verdict = edited(
        world.directory,
        lambda raw: raw.execute(f"INSERT INTO runs SELECT 500, {names} FROM runs WHERE id = 3"),
    )
    assert [(found.seq, found.fault, found.run) for found in verdict.findings] == [(0, Fault.INSERTED, 500)]


def a_whole_new_chain(raw: apsw.Connection) -> None:
    """Edit a run and do everything else right: what somebody does who has read this program."""
    raw.execute("UPDATE runs SET detail = 'all was well' WHERE id = 4")
    names = COLUMNS["runs"][1:-1]
    row = next(raw.execute(f"SELECT {', '.join(names)} FROM runs WHERE id = 4"))
    raw.execute("UPDATE runs SET seal = ? WHERE id = 4", (seal("runs", row),))
    whole = next(raw.execute("SELECT * FROM runs WHERE id = 4"))
    steps = list(raw.execute("SELECT * FROM steps WHERE run = 4 ORDER BY seq"))
    digest = digest_of_rows([whole, *steps])
    raw.execute("UPDATE history SET digest = ? WHERE kind = 'run' AND subject = '4'", (digest,))
    rechain(raw)


def test_verify_of_a_whole_new_chain_is_told_by_a_head_alone(world: World) -> None:
    assert edited(world.directory, a_whole_new_chain).intact
    verdict = edited(world.directory, a_whole_new_chain, world.head)
    assert [found.fault for found in verdict.findings] == [Fault.REWRITTEN]


def test_verify_of_yesterdays_store_names_what_is_gone(world: World) -> None:
    assert edited(world.yesterday, lambda _: None).intact
    first = edited(world.yesterday, lambda _: None, world.head).findings[0]
    assert (first.seq, first.fault) == (world.head.seq - 2, Fault.ROLLED_BACK)


def test_verify_of_yesterdays_store_that_went_on_names_where_it_parted(world: World) -> None:
    with copy_of(world.yesterday) as copy, Store(str(copy)) as store:
        parted = store.chain.head()
        assert parted is not None
        for number in range(5):
            ended(store, DUE + 100 + number)
        verdict = verify(store, [(parted, "this morning"), (world.head, "the journal")])
    assert [(found.seq, found.fault) for found in verdict.findings] == [(parted.seq + 1, Fault.REWRITTEN)]


def test_verify_of_a_head_that_is_cut_short_compares_what_there_is(world: World) -> None:
    short = Head(world.head.seq, world.head.hash[:12])
    assert edited(world.directory, lambda _: None, short).intact
    wrong = Head(world.head.seq, "0" * 12)
    assert edited(world.directory, lambda _: None, wrong).findings[0].fault is Fault.REWRITTEN
