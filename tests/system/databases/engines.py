"""One way for the tests to each engine: databases with everything in them that goes wrong elsewhere."""

from __future__ import annotations

import itertools
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from typing import IO, Any, ClassVar, Protocol

import apsw

from agent.drivers.database import Database, Tools
from agent.drivers.databases import connect
from tests.system.databases import servers
from tests.system.databases.mariadb import MariaDB
from tests.system.databases.postgresql import PostgreSQL

HOSTILE = "x\"; drop table `items`; --\n'\u2028\x85"
"""The name of a table."""
BIG = "\U0001f4a7\u00e4\\n'\"" * 200_000
"""A text of 1.6 million bytes."""
BYTES = bytes(range(256)) * 16
_numbers = itertools.count(1)


class Engine(Protocol):
    """`program` is one that a copy is not to be had without, `package` where it is from."""

    @property
    def name(self) -> str: ...

    @property
    def program(self) -> str: ...

    @property
    def digests(self) -> Mapping[str, str]:
        """Questions by table; where the answers are equal, the contents are."""
        ...

    def make(self) -> str:
        """Make a database with a name of its own and everything in it; return its name."""
        ...

    def drop(self, database: str) -> None: ...

    def connect(self, database: str, tools: Tools, **how: Any) -> Database:
        """Return the driver of a database; `how` is for the settings."""
        ...

    def sql(self, text: str, database: str) -> list[str]: ...

    def pouring(self, database: str) -> AbstractContextManager[Callable[[str], None]]:
        """Keep a client at work; give what hands statements to it, one after the other."""
        ...

    def table(self, name: str) -> str:
        """Return the name by which a table goes in counts."""
        ...


class _Served:
    def __init__(self, server: PostgreSQL | MariaDB) -> None:
        self.server = server
        self.name = server.engine

    def drop(self, database: str) -> None:
        self.server.drop(database)

    def connect(self, database: str, tools: Tools, **how: Any) -> Database:
        settings = self.server.settings(database, **how)
        return connect({"name": "shop", "driver": self.server.engine, "settings": settings}, tools)

    def sql(self, text: str, database: str) -> list[str]:
        return self.server.sql(text, database)

    @contextmanager
    def pouring(self, database: str) -> Iterator[Callable[[str], None]]:
        client = subprocess.Popen(
            self.server.client(database), env=servers.ENVIRONMENT, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
        )
        assert client.stdin is not None
        try:
            yield partial(_pour, client.stdin)
        finally:
            client.stdin.close()
            assert client.wait(60) == 0


def _pour(stream: IO[bytes], text: str) -> None:
    stream.write(f"{text}\n".encode())
    stream.flush()


def _pg_name(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _pg_digest(table: str) -> str:
    return f"select coalesce(md5(string_agg(t::text, '|' order by t::text)), '') from {_pg_name(table)} t"


class PostgreSQLEngine(_Served):
    digests: ClassVar = {table: _pg_digest(table) for table in ("items", "parts", "log", "empty", HOSTILE)}
    program = "pg_dump"

    def make(self) -> str:
        name = f"shop '\"%{{}} {next(_numbers)}"
        self.server.create(name)
        big = BIG.replace("'", "''")
        self.sql(
            f"""
            create table items (id int primary key, label text, data bytea, amount numeric(20, 4), made timestamptz);
            create table parts (id serial primary key, item int not null references items, unique (item, id));
            create table log (what text);
            create table empty (id int);
            create table {_pg_name(HOSTILE)} (id int primary key);
            create view labels as select id, label from items where label is not null;
            create function noted() returns trigger language plpgsql as $$
              begin insert into log values ('item ' || new.id); return new; end $$;
            insert into items values (1, '{big}', '\\x{BYTES.hex()}', 12345678.0001, '2026-03-29 02:30+01'),
              (2, null, null, null, null), (3, '', '', 0, 'infinity'), (4, E'\\\\.', '\\x00', 'NaN', null);
            insert into items select i, 'item ' || i, null, i, null from generate_series(10, 500) i;
            insert into parts (item) select 1 + i % 4 from generate_series(1, 300) i;
            insert into {_pg_name(HOSTILE)} values (1), (2);
            create trigger noting before insert on items for each row execute function noted();
            select lo_from_bytea(0, '\\xdeadbeef');
            """,
            name,
        )
        return name

    def table(self, name: str) -> str:
        return f"public.{name if name.isalnum() else _pg_name(name)}"


def _my_name(text: str) -> str:
    return "`" + text.replace("`", "``") + "`"


def _my_digest(table: str, *columns: str) -> str:
    row = ", ".join(f"coalesce(hex({column}), 'NULL')" for column in columns)
    number = f"cast(conv(left(md5(concat_ws('|', {row})), 12), 16, 10) as unsigned)"
    return f"select concat(count(*), ':', coalesce(sum({number}), 0)) from {_my_name(table)}"


class MariaDBEngine(_Served):
    digests: ClassVar = {
        "items": _my_digest("items", "id", "label", "data", "amount", "made"),
        "parts": _my_digest("parts", "id", "item"),
        "log": _my_digest("log", "what"),
        "empty": _my_digest("empty", "id"),
        HOSTILE: _my_digest(HOSTILE, "id"),
    }
    program = "mariadb-dump"

    def make(self) -> str:
        name = f"shop `%; {next(_numbers)}"
        self.server.create(name)
        big = BIG.replace("\\", "\\\\").replace("'", "''")
        many = ", ".join(f"({i}, 'item {i}', null, {i}, null)" for i in range(10, 501))
        self.sql(
            f"""
            create table items (id int primary key, label longtext, data longblob, amount decimal(20, 4),
              made datetime(6));
            create table parts (id int auto_increment primary key, item int not null,
              foreign key (item) references items (id));
            create table log (what text) engine=MyISAM;
            create table empty (id int);
            create table {_my_name(HOSTILE)} (id int primary key);
            create view labels as select id, label from items where label is not null;
            create function twice(x int) returns int deterministic return 2 * x;
            create view doubled as select twice(id) as id from items;
            insert into items values (1, '{big}', x'{BYTES.hex()}', 12345678.0001, '2026-03-29 02:30:00.123456'),
              (2, null, null, null, null), (3, '', '', 0, '1000-01-01'), (4, '\\\\.', x'00', -1, null);
            insert into items values {many};
            insert into parts (item) select 1 + seq % 4 from seq_1_to_300;
            insert into {_my_name(HOSTILE)} values (1), (2);
            create trigger noting after insert on items for each row insert into log values (concat('item ', new.id));
            create event pruning on schedule every 1 day do delete from log where what = 'old';
            """,
            name,
        )
        return name

    def table(self, name: str) -> str:
        return name


def _lite_digest(table: str, *columns: str) -> str:
    row = "||'|'||".join(f"quote({column})" for column in columns)
    return f"select coalesce(group_concat(x, ';'), '') from (select {row} as x from {_pg_name(table)} order by 1)"


class SQLiteEngine:
    name = "sqlite"
    digests: ClassVar = {
        "items": _lite_digest("items", "id", "label", "data", "amount"),
        "parts": _lite_digest("parts", "id", "item"),
        "log": _lite_digest("log", "what"),
        "empty": _lite_digest("empty", "id"),
        HOSTILE: _lite_digest(HOSTILE, "id"),
    }
    program = "cat"

    def __init__(self, place: str) -> None:
        self._place = place

    def make(self) -> str:
        path = os.path.join(self._place, f"shop ' ?%\"#{next(_numbers)}.db")
        connection = apsw.Connection(path)
        connection.pragma("journal_mode", "wal")
        for _ in connection.execute(
            f"""
            create table items (id integer primary key, label text, data blob, amount real);
            create table parts (id integer primary key, item int not null references items);
            create table log (what text);
            create table empty (id int);
            create table {_pg_name(HOSTILE)} (id int primary key) without rowid;
            create view labels as select id, label from items where label is not null;
            create index by_label on items (substr(label, 1, 20));
            """
        ):
            pass
        with connection:
            connection.executemany(
                "insert into items values (?, ?, ?, ?)",
                [(1, BIG, BYTES, 1e300), (2, None, None, None), (3, "", b"", 0.1), (4, "a\0b", b"\0", -0.0)],
            )
            connection.executemany(
                "insert into items (id, label) values (?, ?)", ((i, f"item {i}") for i in range(10, 501))
            )
            connection.executemany("insert into parts (item) values (?)", ((1 + i % 4,) for i in range(300)))
            connection.execute(f"insert into {_pg_name(HOSTILE)} values (1), (2)")
            connection.execute(
                "create trigger noting after insert on items begin insert into log values ('item ' || new.id); end"
            )
        connection.close()
        return path

    def drop(self, database: str) -> None:
        for ending in ("", "-wal", "-shm", "-journal"):
            with suppress(FileNotFoundError):
                os.unlink(database + ending)

    def connect(self, database: str, tools: Tools, **_how: Any) -> Database:
        return connect({"name": "notes", "driver": "sqlite", "settings": {"path": database}}, tools)

    @contextmanager
    def pouring(self, database: str) -> Iterator[Callable[[str], None]]:
        def pour(text: str) -> None:
            self.sql(text, database)

        yield pour

    def sql(self, text: str, database: str) -> list[str]:
        connection = apsw.Connection(database)
        try:
            connection.set_busy_timeout(10_000)
            return ["\t".join(map(str, row)) for row in connection.execute(text)]
        finally:
            connection.close()

    def table(self, name: str) -> str:
        return name
