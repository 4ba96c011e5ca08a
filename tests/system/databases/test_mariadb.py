"""What is MariaDB's alone: tables that no transaction covers, and what cannot be renamed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.drivers.database import Tools
from agent.drivers.databases import connect
from agent.drivers.databases.mysql.replacing import Replacing
from agent.errors import RunFailed
from tests.system.agent import wait_for
from tests.system.databases import copies
from tests.system.databases.engines import MariaDBEngine
from tests.system.databases.mariadb import MariaDB

EVENTS = "select event_name, status, definer from information_schema.events where event_schema = '{}' order by 1"


@pytest.fixture
def engine(mariadb_server: MariaDB) -> MariaDBEngine:
    return MariaDBEngine(mariadb_server)


@pytest.fixture
def shop(engine: MariaDBEngine) -> Iterator[str]:
    name = "events"
    engine.server.create(name)
    engine.sql(
        """
        create table t (x int) engine=MyISAM; insert into t values (1), (2);
        create table parent (id int primary key);
        create table child (id int primary key, parent int,
          foreign key (parent) references parent (id) on delete cascade);
        create definer = 'gone'@'%' event often on schedule every 1 second do insert into t values (9);
        create event never on schedule every 1 second disable do insert into t values (9);
        create definer = 'gone'@'%' view v as select count(*) as n from t;
        create procedure p(a int) insert into t values (a);
        """,
        name,
    )
    yield name
    engine.drop(name)


def test_tables_that_are_not_of_one_instant_are_named(
    engine: MariaDBEngine, shop: str, tools: Tools, tmp_path: Path
) -> None:
    dump = copies.taken(engine.connect(shop, tools), tools, tmp_path / "copy")
    assert dump.facts["not of one instant"] == "t"
    assert "bounds" not in dump.facts
    assert dump.bounds == {"t": (2, 2), "parent": (0, 0), "child": (0, 0)}


def test_bounds_reach_as_far_as_rows_were_written_and_deleted(
    engine: MariaDBEngine, shop: str, tools: Tools, tmp_path: Path
) -> None:
    with engine.connect(shop, tools).dumping() as dump:
        engine.sql("insert into t values (3), (4), (5); delete from t where x = 3", shop)
        copies.write(dump, tools.processes, tmp_path / "copy")
    least, most = dump.bounds["t"]
    assert least <= 1
    assert most >= 7


def test_account_with_few_rights_takes_copies(engine: MariaDBEngine, shop: str, tools: Tools, tmp_path: Path) -> None:
    engine.sql(
        "create user reader@localhost identified by ''; grant select on mysql.proc to reader@localhost;"
        f"grant select, show view, trigger, event on {shop}.* to reader@localhost; drop view v",
        shop,
    )
    settings = engine.server.settings(shop) | {"user": "reader"}
    database = connect({"name": "shop", "driver": "mysql", "settings": settings}, tools)
    dump = copies.taken(database, tools, tmp_path / "copy")
    assert dump.bounds["t"] == (2, 2)
    assert "PROCESS" in dump.facts["bounds"]
    engine.sql("drop user reader@localhost", shop)


def test_rows_that_go_with_others_leave_the_lower_bound_open(
    engine: MariaDBEngine, shop: str, tools: Tools, tmp_path: Path
) -> None:
    engine.sql("insert into parent values (1); insert into child values (1, 1), (2, 1), (3, 1), (4, 1)", shop)
    with engine.connect(shop, tools).dumping() as dump:
        engine.sql("delete from parent", shop)
        engine.sql("insert into parent values (1); insert into child values (1, 1), (2, 1), (3, 1), (4, 1)", shop)
        copies.write(dump, tools.processes, tmp_path / "copy")
    assert dump.bounds["child"][0] == 0


def test_view_of_an_account_that_is_gone_can_be_asked_in_a_server_of_its_own(
    engine: MariaDBEngine, shop: str, tools: Tools, tmp_path: Path
) -> None:
    dump = copies.taken(engine.connect(shop, tools), tools, tmp_path / "copy")
    with engine.connect("elsewhere", tools).scratch(dump.facts) as target:
        copies.load(target, tools, tmp_path / "copy")
        assert target.query("select n from v") == "2"
        assert target.query("select @@skip_networking") == "1"


def test_events_happen_in_the_live_database_alone(
    engine: MariaDBEngine, shop: str, tools: Tools, tmp_path: Path
) -> None:
    before = engine.sql(EVENTS.format(shop), "mysql")
    copies.taken(engine.connect(shop, tools), tools, tmp_path / "copy")
    replacing = engine.connect(shop, tools).replacing("m")
    copies.load(replacing, tools, tmp_path / "copy")
    silent = [line.replace("\tENABLED", "\tSLAVESIDE_DISABLED") for line in before]
    assert engine.sql(EVENTS.format(replacing.beside), "mysql") == silent
    replacing.swap()
    assert engine.sql(EVENTS.format(shop), "mysql") == before
    assert engine.sql(EVENTS.format(replacing.beside), "mysql") == []
    replacing.swap_back()
    assert engine.sql(EVENTS.format(shop), "mysql") == before
    assert engine.sql(EVENTS.format(replacing.beside), "mysql") == silent
    engine.sql("call p(7)", shop)
    replacing.discard()


def test_table_that_somebody_holds_lets_no_swap_begin(
    engine: MariaDBEngine, shop: str, tools: Tools, tmp_path: Path
) -> None:
    copies.taken(engine.connect(shop, tools), tools, tmp_path / "copy")
    replacing = Replacing(tools, engine.server.settings(shop), "m", patience=1)
    copies.load(replacing, tools, tmp_path / "copy")
    engine.sql("create trigger held before insert on parent for each row set new.id = new.id", shop)
    with engine.pouring(shop) as pour:
        # Not by information_schema.innodb_trx: who asks for it more often than every 100 ms sees what it was.
        pour("begin; insert into parent values (7); select get_lock('inserted', 0);")
        wait_for(lambda: engine.sql("select is_used_lock('inserted') is not null", shop) == ["1"])
        with pytest.raises(RunFailed, match="has held a table for 1 s: stop the programs"):
            replacing.swap()
        replacing.swap_back()
        pour("commit;")
    assert engine.sql("show procedure status where db = database()", shop)
    assert engine.sql("select count(*) from parent", shop) == ["1"]
    replacing.swap()
    assert engine.sql("select count(*) from parent", shop) == ["0"]
    replacing.discard()


def test_copy_that_was_tampered_with_gets_no_file_of_this_host(
    engine: MariaDBEngine, shop: str, tools: Tools, tmp_path: Path
) -> None:
    secret, copy = tmp_path / "secret", tmp_path / "copy"
    secret.write_text("secret")
    copies.taken(engine.connect(shop, tools), tools, copy)
    body, _, end = copy.read_text().rpartition("\n-- ")
    copy.write_text(f"{body}\nload data local infile '{secret}' into table parent;\n-- {end}")
    replacing = engine.connect(shop, tools).replacing("m")
    with pytest.raises(RunFailed, match=r"(?i)local infile|not allowed") as raised:
        copies.load(replacing, tools, copy)
    assert "runpy" not in str(raised.value)
    replacing.discard()


def test_foreign_keys_follow_their_tables(engine: MariaDBEngine, shop: str, tools: Tools, tmp_path: Path) -> None:
    engine.sql("insert into parent values (1); insert into child values (1, 1)", shop)
    copies.taken(engine.connect(shop, tools), tools, tmp_path / "copy")
    replacing = engine.connect(shop, tools).replacing("m")
    copies.load(replacing, tools, tmp_path / "copy")
    for act in (replacing.swap, replacing.swap_back, replacing.swap, replacing.discard):
        act()
        with pytest.raises(AssertionError, match="foreign key constraint fails"):
            engine.sql("insert into child values (5, 5)", shop)
    engine.sql("delete from parent", shop)
    assert engine.sql("select count(*) from child", shop) == ["0"]


def test_database_whose_name_mariadb_dump_cannot_handle_is_refused(
    engine: MariaDBEngine, tools: Tools, tmp_path: Path
) -> None:
    name = "it's"
    engine.server.create(name)
    engine.sql("create event e on schedule every 1 day do select 1", name)
    with pytest.raises(RunFailed, match=r"Unknown database 'it\\'s'"):
        copies.taken(engine.connect(name, tools), tools, tmp_path / "copy")
    engine.drop(name)
