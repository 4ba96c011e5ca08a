"""A database loaded beside the live one, to take its place.

No server can rename a database. Tables move from one to another in a single statement, all or none; views, triggers,
routines and events cannot move, so they are written down, dropped, and made anew at the other place. Until that is done
the tables are there and those are not. What was written down, and where which table belongs, is in a table of the
database that the old tables go to, so that whoever dies meanwhile can be followed: forward by `swap`, back by
`swap_back`. The loaded database is `<name>_hk_<mark>`, the old one after the swap `<name>_hk_<mark>_old`. Rights on the
database go by its name and so stay.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from agent.drivers.database import Tools
from agent.drivers.databases.mysql import code, sql
from agent.drivers.databases.mysql.connection import Connection, ask, lasting
from agent.drivers.databases.mysql.loading import Loading
from agent.drivers.databases.mysql.scratch import make_empty
from agent.errors import RunFailed
from agent.ports import Completed

_NOTES = "hostkeeper_swap"
_BEGUN, _DONE = "begun", "done"
_MOVABLE = """\
select json_quote(table_name) from information_schema.tables
where table_schema = {} and table_type <> 'VIEW' and table_name <> {} order by 1"""
_WAIT_SECONDS = 30
_TIMED_OUT = "1205"
"""The number of the server's error for a lock that was not to be had in time."""


class Replacing(Loading):
    """`agent.drivers.database.Replacing`. `patience` is how long it waits for tables that others hold, in seconds."""

    def __init__(self, tools: Tools, settings: Mapping[str, Any], mark: str, patience: int = _WAIT_SECONDS) -> None:
        self._settings = settings
        self._patience = patience
        self._reached: Connection | None = None
        self._live = settings["database"]
        self._new = sql.beside(self._live, f"_hk_{mark}")
        self._old = sql.beside(self._live, f"_hk_{mark}_old")
        self.beside = self._new
        super().__init__(tools, lambda: replace(self._server(), database=self._new), self._make)

    def settle(self, completed: Sequence[Completed]) -> None:
        """As `Replacing.settle`. Events of the loaded database do not happen before the swap."""
        code.silence(self._tools, self._server(), self._new)
        super().settle(completed)

    def swap(self) -> None:
        """As `Replacing.swap`. Nothing is begun while somebody holds a table."""
        notes = self._notes()
        if not notes:
            self._require_idle()
        if notes.get("state") != _DONE:
            self._forward(notes or self._begin())
        self.beside = self._old

    def swap_back(self) -> None:
        """As `Replacing.swap_back`."""
        self.beside = self._new
        notes = self._notes()
        if not notes:
            self._drop(self._old)
            return
        self._note(state=_BEGUN)
        there = self._there()
        if self._live in there:
            self._clear()
            moves = [(self._live, table, self._new) for table in self._moved(notes, "loaded", self._new)]
            moves += [(self._old, table, self._live) for table in self._tables_of(self._old)]
            self._move(moves)
        code.load(self._tools, self._server(), self._new, notes["loaded code"])
        if notes["absent"] == "yes":
            self._drop(self._live)
        else:
            code.load(self._tools, self._server(), self._live, notes["live code"])
        self._drop(self._old)

    def discard(self) -> None:
        """As `Replacing.discard`."""
        notes = self._notes()
        if notes and notes["state"] != _DONE:
            self.swap_back()
        self._drop(self._new)
        self._drop(self._old)

    def _require_idle(self) -> None:
        """Raise RunFailed for a transaction that would let the swap begin and not end; others would wait behind it."""
        places = [f"{sql.name(self._live)}.{sql.name(table)} write" for table in self._tables_of(self._live)]
        try:
            self._ask(f"lock tables {', '.join(places)};\nunlock tables;\n" if places else "")
        except RunFailed as error:
            # Who may replace a database need not be allowed to lock its tables: then nothing is known of others, and
            # every statement of the swap has its own patience.
            if _TIMED_OUT in str(error):
                raise RunFailed(
                    f"somebody is at work in {self._live!r} and has held a table for {self._patience} s: stop the "
                    "programs that use it, then do this again"
                ) from error

    def _begin(self) -> Mapping[str, str]:
        """Write down everything that a swap takes; until that is complete nothing has begun."""
        there = self._there()
        if self._new not in there:
            raise RunFailed(f"there is no database {self._new!r} that could take the place of {self._live!r}")
        absent = self._live not in there
        make_empty(self._tools, self._server(), self._old, self._facts(self._new if absent else self._live))
        notes = {
            "loaded": json.dumps(self._tables_of(self._new)),
            "live": json.dumps([] if absent else self._tables_of(self._live)),
            "loaded code": code.text_of(self._tools, self._server(), self._new),
            "live code": "" if absent else code.text_of(self._tools, self._server(), self._live),
            "absent": "yes" if absent else "no",
            "state": _BEGUN,
        }
        columns = "(word varchar(64) primary key, text longtext) engine=InnoDB character set utf8mb4"
        self._ask(f"create table {self._place()} {columns};\n")
        self._note(**notes)
        return notes

    def _forward(self, notes: Mapping[str, str]) -> None:
        if self._live not in self._there():
            make_empty(self._tools, self._server(), self._live, self._facts(self._new))
        self._clear()
        moves = [(self._live, table, self._old) for table in self._moved(notes, "live", self._old)]
        moves += [(self._new, table, self._live) for table in self._tables_of(self._new)]
        self._move(moves)
        code.load(self._tools, self._server(), self._live, notes["loaded code"])
        code.awaken(self._tools, self._server(), self._live)
        self._note(state=_DONE)

    def _clear(self) -> None:
        for database in (self._live, self._new):
            code.drop(self._tools, self._server(), database)

    def _moved(self, notes: Mapping[str, str], which: str, to: str) -> list[str]:
        """Return the tables that belong to `to` and are not there yet."""
        there = set(self._tables_of(to))
        return [table for table in json.loads(notes[which]) if table not in there]

    def _move(self, moves: Sequence[tuple[str, str, str]]) -> None:
        if moves:
            named = [
                f"{sql.name(source)}.{sql.name(table)} to {sql.name(target)}.{sql.name(table)}"
                for source, table, target in moves
            ]
            self._ask(f"set session foreign_key_checks = 0;\nrename table {', '.join(named)};\n")

    def _make(self) -> None:
        there = self._there()
        make_empty(self._tools, self._server(), self._new, self._facts(self._live) if self._live in there else {})

    def _facts(self, database: str) -> Mapping[str, str]:
        facts: dict[str, str] = self._ask(f"{sql.FACTS.format(sql.value(database))};\n")[0]
        return facts

    def _tables_of(self, database: str) -> list[str]:
        return self._ask(f"{_MOVABLE.format(sql.value(database), sql.value(_NOTES))};\n")

    def _there(self) -> set[str]:
        names = ", ".join(map(sql.value, (self._live, self._new, self._old)))
        question = f"select json_quote(schema_name) from information_schema.schemata where schema_name in ({names})"
        return set(self._ask(f"{question};\n"))

    def _notes(self) -> Mapping[str, str]:
        """Return what was written down, nothing unless that was complete."""
        known = f"table_schema = {sql.value(self._old)} and table_name = {sql.value(_NOTES)}"
        if self._ask(f"select count(*) from information_schema.tables where {known};\n") == [0]:
            return {}
        return dict(self._ask(f"select json_array(word, text) from {self._place()};\n"))

    def _note(self, **notes: str) -> None:
        values = ", ".join(f"({sql.value(word)}, {sql.value(text)})" for word, text in notes.items())
        self._ask(f"replace into {self._place()} values {values};\n")

    def _place(self) -> str:
        return f"{sql.name(self._old)}.{sql.name(_NOTES)}"

    def _drop(self, database: str) -> None:
        self._ask(f"drop database if exists {sql.name(database)};\n")

    def _ask(self, text: str) -> list[Any]:
        return ask(self._tools, self._server(), text, database="")

    def _server(self) -> Connection:
        if self._reached is None:
            self._reached = lasting(self._settings, self._tools, self._patience)
        return self._reached
