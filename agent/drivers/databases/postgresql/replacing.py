"""A database loaded beside the live one, to take its place.

The two change names in one transaction, so there is no half of a swap: whoever dies within it has not begun. The loaded
database is `<name>_hk_<mark>`, the old one after the swap `<name>_hk_<mark>_old`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from agent.drivers import asking
from agent.drivers.database import Tools
from agent.drivers.databases.postgresql import binaries, sql
from agent.drivers.databases.postgresql.connection import Connection, ask, way, with_password
from agent.drivers.databases.postgresql.loading import Loading
from agent.drivers.databases.postgresql.scratch import created
from agent.drivers.serving import hand_over, open_way
from agent.errors import RunFailed
from agent.ports import Program

_TRIES = 6
_NONE_BEFORE = "hostkeeper.replaces_nothing"
"""A setting of a database that took the place of none; only so can that be undone."""

_PROPERTIES = """\
select to_json(format('grant %s on database %s to %s%s', a.privilege_type, {new},
    case a.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)) end,
    case when a.is_grantable then ' with grant option' else '' end))
  from pg_database d, aclexplode(d.datacl) a where d.datname = {live}
union all select to_json(format('alter %s set %s = %s',
    case s.setrole when 0 then 'database ' || {new} else format('role %I in database %s', r.rolname, {new}) end,
    word, case when word in ({lists}) then setting else quote_literal(setting) end))
  from pg_database d join pg_db_role_setting s on s.setdatabase = d.oid left join pg_roles r on r.oid = s.setrole,
    unnest(s.setconfig) c, split_part(c, '=', 1) word, substr(c, strpos(c, '=') + 1) setting where d.datname = {live}
union all select to_json(format('alter database %s connection limit %s', {new}, datconnlimit))
  from pg_database where datname = {live} and datconnlimit <> -1
union all select to_json(format('comment on database %s is %L', {new}, shobj_description(oid, 'pg_database')))
  from pg_database where datname = {live} and shobj_description(oid, 'pg_database') is not null"""
"""What belongs to the name of a database rather than to its content, as statements for another one."""

_LISTS = "'search_path', 'temp_tablespaces', 'local_preload_libraries', 'session_preload_libraries'"
"""Settings that are kept as lists of names, each quoted already."""

_AWAY = """\
do ${tag}$ begin for i in 1..60 loop
  perform pg_terminate_backend(pid) from pg_stat_activity where datname in ({names}) and pid <> pg_backend_pid();
  exit when exists (select from pg_database where datname = {after});
  perform pg_stat_clear_snapshot(); perform pg_sleep(0.1);
end loop; end ${tag}$"""
"""Sends everybody away until a database of a name is there, or six seconds are over."""


class Replacing(Loading):
    """`agent.drivers.database.Replacing`."""

    def __init__(self, tools: Tools, settings: Mapping[str, Any], mark: str) -> None:
        self._settings = settings
        self._reached: Connection | None = None
        self._live = way(settings).database
        self._new = sql.beside(self._live, f"_hk_{mark}")
        self._old = sql.beside(self._live, f"_hk_{mark}_old")
        self.beside = self._new
        super().__init__(tools, lambda: self._server().to(self._new), binaries.ANY, self._make)

    def swap(self) -> None:
        """As `Replacing.swap`; whoever is connected to the live database is sent away."""
        self._swap()
        self.beside = self._old

    def _swap(self) -> None:
        there = self._there()
        if self._new not in there:
            if self._live in there and (self._old in there or self._replaced_nothing()):
                return
            raise RunFailed(f"there is no database {self._new!r} that could take the place of {self._live!r}")
        if self._live not in there:
            self._ask(f"alter database {sql.name(self._new)} set {_NONE_BEFORE} = 'yes'")
            self._rename((self._new, self._live))
            return
        self._like_live()
        self._rename((self._live, self._old), (self._new, self._live))

    def swap_back(self) -> None:
        """As `Replacing.swap_back`."""
        self.beside = self._new
        there = self._there()
        if self._old in there and self._live in there:
            self._rename((self._live, self._new), (self._old, self._live))
        elif self._old in there:
            self._rename((self._old, self._live))
        elif self._live in there and self._new not in there and self._replaced_nothing():
            self._rename((self._live, self._new))
            self._ask(f"alter database {sql.name(self._new)} reset {_NONE_BEFORE}")

    def discard(self) -> None:
        """As `Replacing.discard`."""
        there = self._there()
        if self._old in there and self._live not in there:
            raise RunFailed(f"{self._old!r} is kept: there is no {self._live!r}, so it may be all that is left")
        for name in (self._new, self._old):
            if name in there:
                self._ask(f"drop database if exists {sql.name(name)} with (force)")
        if self._live in there and self._replaced_nothing():
            self._ask(f"alter database {sql.name(self._live)} reset {_NONE_BEFORE}")

    def _make(self) -> None:
        facts: Mapping[str, str] = {}
        tablespace = ""
        if self._live in self._there():
            facts, tablespace = ask(self._tools, self._server().to(self._live), f"{sql.FACTS};\n{sql.TABLESPACE}")
        (version,) = self._ask("select to_json(current_setting('server_version'))")
        self._least = binaries.major(version)
        dropped = f"drop database if exists {sql.name(self._new)} with (force)"
        self._ask(f"{dropped};\n{created(self._new, facts, tablespace)};\n")

    def _like_live(self) -> None:
        """Give the loaded database what belongs to the live one's name."""
        words = {"new": sql.value(sql.name(self._new)), "live": sql.value(self._live), "lists": _LISTS}
        statements = self._ask(_PROPERTIES.format(**words))
        revoke = f"revoke all on database {sql.name(self._new)} from public"
        granted = [revoke] if any(text.startswith("grant ") for text in statements) else []
        self._ask(";\n".join([*granted, *statements]))

    def _rename(self, *changes: tuple[str, str]) -> None:
        """Give databases other names, all or none; who keeps coming back is sent away for as long as it takes."""
        renamed = "".join(f"alter database {sql.name(old)} rename to {sql.name(new)};\n" for old, new in changes)
        names = ", ".join(sql.value(old) for old, _ in changes)
        after = sql.value(changes[0][1])
        tag = "away"
        while tag in names + after:
            tag += "_"
        away = _AWAY.format(names=names, after=after, tag=tag)
        completed = None
        for _ in range(_TRIES):
            with (
                self._texts(f"begin;\n{renamed}commit;\n", away) as programs,
                self._tools.processes.piped(programs, self._tools.stop) as piped,
            ):
                pass
            completed = piped.completed[0]
            if completed.code == 0:
                return
            if "being accessed by other users" not in completed.output:
                break
        assert completed is not None
        asking.require(completed, f"database {self._live!r} could not be given another name")

    @contextmanager
    def _texts(self, *texts: str) -> Iterator[tuple[Program, ...]]:
        """Give one psql for each text."""
        psql = binaries.program(self._tools, "psql", binaries.ANY, "postgresql-client")
        command = self._keeper().command(psql, "-XqAt", "--set=ON_ERROR_STOP=1", "--file=-")
        with asking.held(*(text.encode() for text in texts)) as sources:
            yield tuple(Program(command, source, None) for source in sources)

    def _replaced_nothing(self) -> bool:
        setting = sql.value(_NONE_BEFORE + "=yes")
        return bool(
            self._ask(
                "select to_json(1) from pg_db_role_setting s join pg_database d on d.oid = s.setdatabase "
                f"where d.datname = {sql.value(self._live)} and s.setrole = 0 and {setting} = any(s.setconfig)"
            )
        )

    def _there(self) -> set[str]:
        names = ", ".join(map(sql.value, (self._live, self._new, self._old)))
        return set(self._ask(sql.DATABASES.format(names)))

    def _ask(self, text: str) -> list[Any]:
        return ask(self._tools, self._keeper(), text)

    def _keeper(self) -> Connection:
        """Return the way to a database that is not to be renamed."""
        return self._server().to("template1" if self._live == "postgres" else "postgres")

    def _server(self) -> Connection:
        if self._reached is None:
            found = way(self._settings)
            if self._settings["password_file"] is not None:
                place = tempfile.mkdtemp(dir=self._tools.scratch)
                hand_over(place, found.user)
                if found.user is not None:
                    open_way(self._tools.scratch)
                found = with_password(found, self._settings["password_file"], place)
            self._reached = found
        return self._reached
