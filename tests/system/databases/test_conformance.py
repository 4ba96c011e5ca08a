"""What the driver of a database owes, whatever the engine: against real servers and files."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from msgspec.structs import replace

from agent.drivers.database import Dump, Target, Tools
from agent.errors import RunFailed
from tests.system.databases import copies
from tests.system.databases.engines import HOSTILE, Engine

ROWS = {"items": 495, "parts": 300, "log": 0, "empty": 0, HOSTILE: 2}


def live(engine: Engine, database: str) -> dict[str, str]:
    """Return the digests of the database itself."""
    return {table: "\n".join(engine.sql(question, database)) for table, question in engine.digests.items()}


def load(target: Target, tools: Tools, path: Path, *tables: str) -> None:
    copies.load(target, tools, path, tables)


def test_look_tells_version_size_and_tables(engine: Engine, shop: str, tools: Tools) -> None:
    look = engine.connect(shop, replace(tools, scratch="")).look()
    assert any(character.isdigit() for character in look.version)
    assert look.bytes > 1_000_000
    assert set(look.tables) == {engine.table(table) for table in ROWS}


def test_copy_loaded_into_a_server_of_its_own_equals_the_original(
    engine: Engine, shop: str, tools: Tools, copy: tuple[Path, Dump], target: Target
) -> None:
    path, dump = copy
    load(target, tools, path)
    assert copies.digests(target, engine.digests) == live(engine, shop)
    counts = target.counts()
    assert counts == {engine.table(table): rows for table, rows in ROWS.items()}
    assert target.query("select count(*) from labels") == "494"
    assert {**dump.counts, **{table: least for table, (least, _) in dump.bounds.items()}} == counts
    assert {**dump.counts, **{table: most for table, (_, most) in dump.bounds.items()}} == counts


def test_copy_that_did_not_arrive_whole_is_refused(engine: Engine, shop: str, tools: Tools, tmp_path: Path) -> None:
    with engine.connect(shop, tools).dumping() as dump:
        for cut in (50, 5000):
            with pytest.raises(RunFailed):
                copies.write(dump, tools.processes, tmp_path / "copy", cut)


def test_loading_a_copy_without_its_end_is_refused(
    engine: Engine, tools: Tools, copy: tuple[Path, Dump], target: Target, tmp_path: Path
) -> None:
    whole = copy[0].read_bytes()
    for kept in (0, 3, 4000, 900_000, len(whole) - 4200, len(whole) - 90):
        (tmp_path / "copy").write_bytes(whole[:kept])
        with pytest.raises(RunFailed):
            load(target, tools, tmp_path / "copy")


def test_copy_under_writers_is_of_one_instant(
    engine: Engine, shop: str, tools: Tools, target: Target, tmp_path: Path
) -> None:
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
            while len(written) < 20 and not writing.done():
                over.wait(0.01)
            dump = copies.taken(database, tools, tmp_path / "copy")
        finally:
            over.set()
        writing.result()
    engine.sql("drop table pairs", shop)
    load(target, tools, tmp_path / "copy")
    assert target.query("select count(*) from (select id from pairs group by id having count(*) <> 2) x") == "0"
    rows = target.counts()[engine.table("pairs")]
    assert rows > 0
    least, most = dump.bounds.get(engine.table("pairs"), (rows, rows))
    assert least <= rows <= most
    assert dump.counts.get(engine.table("pairs"), rows) == rows


def test_some_tables_are_loaded_alone(engine: Engine, tools: Tools, copy: tuple[Path, Dump], target: Target) -> None:
    load(target, tools, copy[0], engine.table(HOSTILE), engine.table("parts"))
    assert target.counts() == {engine.table(HOSTILE): 2, engine.table("parts"): 300}
    with pytest.raises(RunFailed, match="no table 'nowhere'"):
        load(target, tools, copy[0], "nowhere")


def test_question_is_answered_by_its_first_field_or_refused_with_the_words_of_the_engine(
    engine: Engine, target: Target
) -> None:
    with pytest.raises(RunFailed, match="nonsense"):
        target.query("select nonsense")
    assert target.query("select null") == ""
    assert target.query("select 1 from (select 1) x where 1 = 0") == ""
    assert target.query("select 'two\nlines\t<&', 2") == "two\nlines\t<&"


def test_database_that_is_not_there_is_said_to_be_missing(engine: Engine, tools: Tools) -> None:
    database = engine.connect("/nowhere", tools)
    with pytest.raises(RunFailed, match="nowhere"):
        database.look()
    with pytest.raises(RunFailed, match="nowhere"), database.dumping():
        pass


def test_run_that_is_asked_to_stop_gives_no_copy(engine: Engine, shop: str, tools: Tools, tmp_path: Path) -> None:
    database = engine.connect(shop, replace(tools, stop=lambda: True))
    with pytest.raises(RunFailed, match="asked to stop"):
        copies.taken(database, tools, tmp_path / "copy")
