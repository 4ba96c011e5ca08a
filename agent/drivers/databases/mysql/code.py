"""What a database has besides tables: views, triggers, routines and events, which no server can rename."""

from __future__ import annotations

from typing import Any

from agent.drivers import asking
from agent.drivers.database import Tools
from agent.drivers.databases.mysql import sql
from agent.drivers.databases.mysql.connection import Connection, ask
from agent.drivers.databases.mysql.dumping import COMPLETE
from agent.errors import RunFailed

_WITHOUT_TABLES = ("--skip-lock-tables", "--no-data", "--no-create-info", "--routines", "--events", "--triggers")
_VIEWS = ("--skip-lock-tables", "--no-data", "--skip-triggers")

_PIECES = """\
select json_array('trigger', trigger_name) from information_schema.triggers where trigger_schema = {0}
union all select json_array('view', table_name) from information_schema.views where table_schema = {0}
union all select json_array(lower(routine_type), routine_name) from information_schema.routines
  where routine_schema = {0} and routine_type in ('PROCEDURE', 'FUNCTION')
union all select json_array('event', event_name) from information_schema.events where event_schema = {0}"""

_EVENTS = """\
select json_array(event_name, definer) from information_schema.events
where event_schema = {0} and status = {1}"""


def text_of(tools: Tools, connection: Connection, database: str) -> str:
    """Return all of it as SQL that makes it anew, empty where there is nothing."""
    pieces = _pieces(tools, connection, database)
    if not pieces:
        return ""
    # Views come last: they may call functions.
    text = _dumped(tools, connection, *_WITHOUT_TABLES, "--", database)
    if views := [name for kind, name in pieces if kind == "view"]:
        text += _dumped(tools, connection, *_VIEWS, "--", database, *views)
    return text


def drop(tools: Tools, connection: Connection, database: str) -> None:
    """Remove all of it from a database."""
    statements = [
        f"drop {kind} if exists {sql.name(database)}.{sql.name(name)};\n"
        for kind, name in _pieces(tools, connection, database)
    ]
    if statements:
        ask(tools, connection, "".join(statements), database="")


def load(tools: Tools, connection: Connection, database: str, text: str) -> None:
    """Make it in a database, from the SQL that `text_of` gave."""
    if text:
        completed, _ = asking.answer(tools, connection.client("--binary-mode", database=database), text.encode())
        asking.require(completed, f"views, triggers, routines and events of {connection.database!r}")


def silence(tools: Tools, connection: Connection, database: str) -> None:
    """Keep the events of a database from happening; `silenced` finds them again."""
    _switch(tools, connection, database, "ENABLED", "disable on slave")


def awaken(tools: Tools, connection: Connection, database: str) -> None:
    """Let those events happen that were silenced."""
    _switch(tools, connection, database, "SLAVESIDE_DISABLED", "enable")


def _switch(tools: Tools, connection: Connection, database: str, status: str, how: str) -> None:
    question = _EVENTS.format(sql.value(database), sql.value(status))
    statements = []
    for name, definer in ask(tools, connection, f"{question};\n", database=""):
        user, _, host = definer.rpartition("@")
        owner = f"definer = {sql.name(user)}@{sql.name(host)}"
        statements.append(f"alter {owner} event {sql.name(database)}.{sql.name(name)} {how};\n")
    if statements:
        ask(tools, connection, "".join(statements), database="")


def _pieces(tools: Tools, connection: Connection, database: str) -> list[Any]:
    return ask(tools, connection, f"{_PIECES.format(sql.value(database))};\n", database="")


def _dumped(tools: Tools, connection: Connection, *argv: str) -> str:
    completed, output = asking.answer(tools, connection.dump(*argv))
    asking.require(completed, "mariadb-dump")
    if COMPLETE not in output[-4096:]:
        raise RunFailed("mariadb-dump ended well, but without the last line of what it writes")
    return output.decode("utf-8", "surrogateescape")
