"""What is PostgreSQL's alone: what belongs to a database's name, and whoever is connected while it changes."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.drivers.database import Replacing, Tools
from agent.drivers.databases import connect
from agent.errors import RunFailed
from tests.system.databases import copies, servers
from tests.system.databases.engines import PostgreSQLEngine
from tests.system.databases.postgresql import PostgreSQL, quoted

NAME = 'pro"per %s {0}'
PROPERTIES = f"""
select pg_get_userbyid(datdba), pg_encoding_to_char(encoding), datcollate, datctype, datconnlimit, datacl::text,
  shobj_description(oid, 'pg_database') from pg_database where datname = '{NAME}';
select coalesce(r.rolname, '-'), setconfig::text from pg_db_role_setting s join pg_database d on d.oid = s.setdatabase
  left join pg_roles r on r.oid = s.setrole where d.datname = '{NAME}' order by 1"""


@pytest.fixture
def engine(postgresql_server: PostgreSQL) -> PostgreSQLEngine:
    return PostgreSQLEngine(postgresql_server)


@pytest.fixture
def proper(engine: PostgreSQLEngine) -> Iterator[str]:
    """The name of a database that has everything a name can have."""
    name = quoted(NAME)
    engine.sql(
        f"""
        create role keeper_of_shop; create role "rea'der";
        create database {name} template template0 encoding 'LATIN1' lc_collate 'C' lc_ctype 'C' owner keeper_of_shop;
        revoke all on database {name} from public;
        grant connect, temporary on database {name} to "rea'der" with grant option;
        alter database {name} set search_path = "$user", public, "od'd";
        alter database {name} set work_mem = '7MB';
        alter role "rea'der" in database {name} set statement_timeout = '5s';
        alter database {name} connection limit 17;
        comment on database {name} is 'it''s "proper"'
        """,
        "postgres",
    )
    engine.sql(
        """create table t (x text); alter table t owner to keeper_of_shop; grant select on t to "rea'der";
        insert into t values (E'\\u00e4');""",
        NAME,
    )
    yield NAME
    engine.drop(NAME)
    engine.sql("""drop role keeper_of_shop; drop role "rea'der" """, "postgres")


def loaded(engine: PostgreSQLEngine, name: str, tools: Tools, tmp_path: Path) -> Replacing:
    copies.taken(engine.connect(name, tools), tools, tmp_path / "copy")
    replacing = engine.connect(name, tools).replacing("m")
    copies.load(replacing, tools, tmp_path / "copy")
    return replacing


def test_swap_keeps_what_belongs_to_the_name(
    engine: PostgreSQLEngine, proper: str, tools: Tools, tmp_path: Path
) -> None:
    before = engine.sql(PROPERTIES, "postgres")
    assert len(before) == 3
    replacing = loaded(engine, proper, tools, tmp_path)
    replacing.swap()
    assert engine.sql(PROPERTIES, "postgres") == before
    rights = "select tableowner, has_table_privilege('rea''der', 't', 'select') from pg_tables where tablename = 't'"
    assert engine.sql(rights, proper) == ["keeper_of_shop\tt"]
    replacing.discard()


def test_scratch_has_encoding_and_roles_of_the_original(
    engine: PostgreSQLEngine, proper: str, tools: Tools, tmp_path: Path
) -> None:
    dump = copies.taken(engine.connect(proper, tools), tools, tmp_path / "copy")
    with engine.connect("gone", tools).scratch(dump.facts) as target:
        copies.load(target, tools, tmp_path / "copy")
        assert target.query("show server_encoding") == "LATIN1"
        assert target.query("select tableowner from pg_tables where tablename = 't'") == "keeper_of_shop"
        assert target.query("select x from t") == "\u00e4"
        assert target.query("show listen_addresses") == ""


def test_account_with_few_rights_takes_copies_unless_rows_are_hidden_from_it(
    engine: PostgreSQLEngine, proper: str, tools: Tools, tmp_path: Path
) -> None:
    words = (
        f"host={engine.server.socket} port={engine.server.port} user=admin dbname='{NAME}' options='-c role=rea\\'der'"
    )
    settings = {"dsn": words, "user": None, "password_file": None}
    database = connect({"name": "shop", "driver": "postgresql", "settings": settings}, tools)
    assert copies.taken(database, tools, tmp_path / "copy").counts == {"public.t": 1}
    engine.sql("alter table t enable row level security", proper)
    with pytest.raises(RunFailed, match="row-level security"):
        copies.taken(database, tools, tmp_path / "copy")


def test_swap_under_clients_that_keep_coming_back_succeeds(
    engine: PostgreSQLEngine, proper: str, tools: Tools, tmp_path: Path
) -> None:
    replacing = loaded(engine, proper, tools, tmp_path)
    engine.sql("insert into t values ('new')", proper)
    ending = threading.Event()
    argv = engine.server.client(proper)
    script = 'while :; do echo "select pg_sleep(30)" | "$@" >/dev/null 2>&1; done'
    with subprocess.Popen(["sh", "-c", script, "sh", *argv], env=servers.ENVIRONMENT, start_new_session=True) as client:
        try:
            while not engine.sql(f"select 1 from pg_stat_activity where datname = '{NAME}'", "postgres"):
                ending.wait(0.01)
            replacing.swap()
            assert engine.sql("select count(*) from t", proper) == ["1"]
            replacing.swap_back()
            assert engine.sql("select count(*) from t", proper) == ["2"]
            replacing.discard()
        finally:
            client.kill()


def test_database_named_postgres_is_replaced_too(engine: PostgreSQLEngine, tools: Tools, tmp_path: Path) -> None:
    engine.sql("create table t (x int)", "postgres")
    replacing = loaded(engine, "postgres", tools, tmp_path)
    engine.sql("drop table t", "postgres")
    replacing.swap()
    assert engine.sql("select count(*) from t", "postgres") == ["0"]
    replacing.swap_back()
    replacing.discard()
    assert engine.sql("select count(*) from pg_tables where tablename = 't'", "postgres") == ["0"]
