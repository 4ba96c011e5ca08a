"""What is asked of PostgreSQL, and how names and values are written in it.

Answers are JSON, one value a line, so that no name can pass for the end of a line or of a field.
"""

from __future__ import annotations

import json
import zlib
from typing import Any

NAME_BYTES = 63

TABLES = """\
select json_build_array(n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'r' and n.nspname <> 'information_schema' and n.nspname !~ '^pg_'
and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
order by 1::text"""
"""The tables with rows of their own: no partitioned ones, whose rows are in their partitions, none of extensions."""

LOOK = """\
select json_build_array(current_setting('server_version'), pg_database_size(current_database()))"""

FACTS = """\
select json_build_object(
  'version', current_setting('server_version'), 'database', d.datname, 'encoding', pg_encoding_to_char(d.encoding),
  'collate', d.datcollate, 'ctype', d.datctype, 'provider', coalesce(to_jsonb(d) ->> 'datlocprovider', 'c'),
  'locale', coalesce(to_jsonb(d) ->> 'daticulocale', to_jsonb(d) ->> 'datlocale', ''),
  'owner', pg_get_userbyid(d.datdba),
  'roles', (select coalesce(json_agg(distinct r.rolname), '[]')::text from pg_shdepend s
    join pg_roles r on r.oid = s.refobjid and r.rolname !~ '^pg_'
    where s.refclassid = 'pg_authid'::regclass and (s.dbid = d.oid
      or s.classid = 'pg_database'::regclass and s.objid = d.oid)))
from pg_database d where d.datname = current_database()"""
"""What a database has to be made with to take a copy of this one; all values are texts."""

TABLESPACE = """\
select to_json(s.spcname) from pg_database d join pg_tablespace s on s.oid = d.dattablespace
where d.datname = current_database()"""

DATABASES = "select to_json(datname) from pg_database where datname in ({})"


def name(text: str) -> str:
    """Return a name as SQL wants it."""
    return '"' + text.replace('"', '""') + '"'


def value(text: str) -> str:
    """Return a text as SQL wants it, whatever the server thinks of backslashes."""
    escaped = text.replace("\\", "\\\\").replace("'", "''")
    return f" E'{escaped}'" if "\\" in text else f"'{escaped}'"


def decoded(lines: bytes) -> list[Any]:
    """Given the answer to a question, return its values."""
    return [json.loads(line.decode("utf-8", "replace")) for line in lines.split(b"\n") if line]


def table_key(schema: str, table: str) -> str:
    """Return the name that a table goes by in counts: as SQL would take it, bare where it may be."""
    return f"{_bare(schema)}.{_bare(table)}"


def _bare(text: str) -> str:
    plain = text.isascii() and text.replace("_", "a").isalnum() and text == text.lower() and not text[0].isdigit()
    return text if plain else name(text)


def table_parts(key: str) -> tuple[str | None, str]:
    """Given a table as an admin or `table_key` writes it, return its schema, None where none is said, and its name."""
    parts = [""]
    quoted = False
    position = 0
    while position < len(key):
        character = key[position]
        if character == '"' and quoted and key[position + 1 : position + 2] == '"':
            parts[-1] += '"'
            position += 1
        elif character == '"':
            quoted = not quoted
        elif character == "." and not quoted and len(parts) == 1:
            parts.append("")
        else:
            parts[-1] += character
        position += 1
    return (parts[0], parts[1]) if len(parts) == 2 else (None, parts[0])


def beside(database: str, ending: str) -> str:
    """Return the name of a database beside another: its name and the ending.

    A name that leaves no room for the ending is cut, and marked so that no two names become the same.
    """
    room = NAME_BYTES - len(ending.encode())
    if len(database.encode()) > room:
        cut = f"_{zlib.crc32(database.encode()):08x}"
        database = database.encode()[: room - len(cut)].decode("utf-8", "ignore") + cut
    return database + ending
