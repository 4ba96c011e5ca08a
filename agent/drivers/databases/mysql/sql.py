"""What is asked of MariaDB, and how names and values are written in it.

Answers are JSON, one value a line, so that no name can pass for the end of a line or of a field.
"""

from __future__ import annotations

import json
import zlib
from typing import Any

NAME_CHARACTERS = 64
PLAIN = ("InnoDB", "ROCKSDB")
"""Engines of which a transaction reads one instant."""

VERSION = """\
select json_array(version(), (select coalesce(sum(data_length + index_length), 0) from information_schema.tables
  where table_schema = {}))"""
TABLES = """\
select json_array(table_name, engine) from information_schema.tables
where table_schema = {} and table_type in ('BASE TABLE', 'SYSTEM VERSIONED') order by 1"""
FACTS = """\
select json_object('version', version(), 'database', schema_name, 'character_set', default_character_set_name,
  'collation', default_collation_name, 'lower_case_table_names', cast(@@lower_case_table_names as char))
from information_schema.schemata where schema_name = {}"""
DEFINERS = """\
select json_quote(definer) from information_schema.views where table_schema = {0}
union select json_quote(definer) from information_schema.routines where routine_schema = {0}
union select json_quote(definer) from information_schema.triggers where trigger_schema = {0}
union select json_quote(definer) from information_schema.events where event_schema = {0}"""
CASCADES = """\
select distinct json_quote(table_name) from information_schema.referential_constraints
where constraint_schema = {} and delete_rule = 'CASCADE'"""

WRITTEN = """\
select json_array(sum(if(variable_name = 'HANDLER_WRITE', variable_value, 0)),
  sum(if(variable_name = 'HANDLER_DELETE', variable_value, 0)),
  sum(if(variable_name = 'HANDLER_UPDATE', variable_value, 0))) from information_schema.global_status"""
"""How many rows have been written, deleted and changed since the server started, in all databases."""
PENDING = "select coalesce(sum(trx_rows_modified), 0) from information_schema.innodb_trx"
"""How many rows those transactions have written that have not ended."""
SEES_PENDING = """\
select count(*) from information_schema.user_privileges where privilege_type = 'PROCESS' and grantee = concat("'",
  left(current_user(), char_length(current_user()) - char_length(substring_index(current_user(), '@', -1)) - 1),
  "'@'", substring_index(current_user(), '@', -1), "'")"""
SNAPSHOT = "set session transaction isolation level repeatable read;\nstart transaction with consistent snapshot"


def name(text: str) -> str:
    """Return a name as SQL wants it."""
    return "`" + text.replace("`", "``") + "`"


def value(text: str) -> str:
    """Return a text as SQL wants it, whatever the server thinks of backslashes."""
    return f"convert(x'{text.encode().hex()}' using utf8mb4)"


def decoded(lines: bytes) -> list[Any]:
    """Given the answer to a question, return its values."""
    return [json.loads(line.decode("utf-8", "replace")) for line in lines.split(b"\n") if line]


def counting(table: str, database: str = "") -> str:
    """Return the question for how many rows a table has."""
    return f"select count(*) from {name(database) + '.' if database else ''}{name(table)}"


def beside(database: str, ending: str) -> str:
    """Return the name of a database beside another: its name and the ending.

    A name that leaves no room for the ending is cut, and marked so that no two names become the same.
    """
    room = NAME_CHARACTERS - len(ending)
    if len(database) > room:
        cut = f"_{zlib.crc32(database.encode()):08x}"
        database = database[: room - len(cut)] + cut
    return database + ending
