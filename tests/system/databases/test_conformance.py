"""What the driver of a database owes, whatever the engine: against real servers and files."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from agent.drivers.database import Tools
from agent.errors import RunFailed
from tests.system.databases import copies
from tests.system.databases.engines import HOSTILE, Engine

ROWS = {"items": 495, "parts": 300, "log": 0, "empty": 0, HOSTILE: 2}


@pytest.fixture
def shop(engine: Engine) -> Iterator[str]:
    """The name of a database with everything in it."""
    name = engine.make()
    yield name
    engine.drop(name)


def live(engine: Engine, database: str) -> dict[str, str]:
    """Return the digests of the database itself."""
    return {table: "\n".join(engine.sql(question, database)) for table, question in engine.digests.items()}


def test_look_tells_version_size_and_tables(engine: Engine, shop: str, tools: Tools) -> None:
    look = engine.connect(shop, tools).look()
    assert any(character.isdigit() for character in look.version)
    assert look.bytes > 1_000_000
    assert {engine.table(table) for table in ROWS} <= set(look.tables)


def test_copy_loaded_into_a_server_of_its_own_equals_the_original(
    engine: Engine, shop: str, tools: Tools, tmp_path: Path
) -> None:
    database = engine.connect(shop, tools)
    dump = copies.taken(database, tools, tmp_path / "copy")
    with database.scratch(dump.facts) as target:
        copies.load(target, tools, tmp_path / "copy")
        assert copies.digests(target, engine.digests) == live(engine, shop)
        counts = target.counts()
        assert counts == {engine.table(table): rows for table, rows in ROWS.items()}
        assert target.query("select count(*) from labels") == "494"
    assert all(count == counts[table] for table, count in dump.counts.items())
    assert all(least <= counts[table] <= most for table, (least, most) in dump.bounds.items())
    assert {*dump.counts, *dump.bounds} == set(counts)
    assert list(Path(tools.scratch).iterdir()) == []


def test_copy_without_its_end_is_refused(engine: Engine, shop: str, tools: Tools, tmp_path: Path) -> None:
    with engine.connect(shop, tools).dumping() as dump:
        for cut in (50, 5000):
            with pytest.raises(RunFailed):
                copies.write(dump, tools.processes, tmp_path / "copy", cut)


def test_loading_a_copy_without_its_end_is_refused(engine: Engine, shop: str, tools: Tools, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    database = engine.connect(shop, tools)
    dump = copies.taken(database, tools, copy)
    whole = copy.read_bytes()
    with database.scratch(dump.facts) as target:
        for kept in (0, 3, 20, 4000, 900_000, len(whole) - 4200):
            copy.write_bytes(whole[:kept])
            with pytest.raises(RunFailed):
                copies.load(target, tools, copy)
        copy.write_bytes(whole)
        copies.load(target, tools, copy)
        assert copies.digests(target, engine.digests) == live(engine, shop)


def test_copy_under_writers_is_of_one_instant(engine: Engine, shop: str, tools: Tools, tmp_path: Path) -> None:
    """Pairs are written in one transaction: a copy with half of one would be of two instants."""
    engine.sql("create table pairs (id int, half int)", shop)
    database = engine.connect(shop, tools)
    over = threading.Event()
    written: list[int] = []

    def write(pour: Callable[[str], None]) -> None:
        while not over.is_set():
            number = len(written)
            pour(f"begin; insert into pairs values ({number}, 1); insert into pairs values ({number}, 2); commit;")
            written.append(1)
            over.wait(0.001)

    with engine.pouring(shop) as pour, ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write, pour)
        try:
            while len(written) < 100 and not writing.done():
                over.wait(0.01)
            for _ in range(3):
                dump = copies.taken(database, tools, tmp_path / "copy")
        finally:
            over.set()
        writing.result()
    with database.scratch(dump.facts) as target:
        copies.load(target, tools, tmp_path / "copy")
        assert target.query("select count(*) from (select id from pairs group by id having count(*) <> 2) x") == "0"
        rows = target.counts()[engine.table("pairs")]
    assert rows > 0
    if dump.counts:
        assert dump.counts[engine.table("pairs")] == rows
    least, most = dump.bounds.get(engine.table("pairs"), (rows, rows))
    assert least <= rows <= most


def test_some_tables_are_loaded_alone(engine: Engine, shop: str, tools: Tools, tmp_path: Path) -> None:
    database = engine.connect(shop, tools)
    dump = copies.taken(database, tools, tmp_path / "copy")
    wanted = [engine.table(HOSTILE), engine.table("parts")]
    with database.scratch(dump.facts) as target:
        copies.load(target, tools, tmp_path / "copy", wanted)
        assert target.counts() == {engine.table(HOSTILE): 2, engine.table("parts"): 300}
        with pytest.raises(RunFailed, match="no table 'nowhere'"):
            copies.load(target, tools, tmp_path / "copy", ["nowhere"])


def test_question_that_makes_no_sense_is_told_with_the_words_of_the_engine(
    engine: Engine, shop: str, tools: Tools
) -> None:
    database = engine.connect(shop, tools)
    with database.dumping() as dump:
        facts = dump.facts
    with database.scratch(facts) as target:
        with pytest.raises(RunFailed, match="nonsense"):
            target.query("select nonsense")
        assert target.query("select null") == ""
        assert (
            target.query("select 1 where 1 = 0" if engine.name != "mysql" else "select 1 from dual where 1 = 0") == ""
        )
        assert target.query("select 'two\nlines\t', 2") == "two\nlines\t"


def test_database_that_is_not_there_is_said_to_be_missing(engine: Engine, tools: Tools) -> None:
    database = engine.connect("/nowhere", tools)
    with pytest.raises(RunFailed, match="nowhere"):
        database.look()
    with pytest.raises(RunFailed, match="nowhere"), database.dumping():
        pass
