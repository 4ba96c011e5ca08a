"""Asks a database for one number."""

from __future__ import annotations

import math

from msgspec.structs import replace

from agent.drivers import asking
from agent.drivers.database import Tools as Driving
from agent.errors import RunFailed
from agent.ports import Command
from agent.probes.answers import Down, given
from agent.probes.group import Measured
from agent.probes.kind import Kind, Settings, Tools
from agent.probes.kinds.command import GRACE
from agent.rules.exposition import BadText, number_of

MOST = 1 << 14
_SHARE = 0.9
"""Of the time there is, what the server gets: it ends a query, where a client that is ended leaves it at work."""


class Sql:
    """One query."""

    def __init__(self, settings: Settings, tools: Tools) -> None:
        self._database = settings["database"]
        self._query = settings["query"]
        self._tools = tools

    def measure(self, timeout: float) -> Measured:
        """Ask once. No row, NULL and NaN are no data."""
        fields = self._fields(timeout)
        if len(fields) > 1:
            raise Down("the query gives more than one number")
        if not fields or not fields[0]:
            return Measured()
        try:
            value = number_of(fields[0])
        except BadText as error:
            raise Down(f"the query gives no number: {error}") from error
        return Measured([] if math.isnan(value) else given({"value": value}))

    def _fields(self, timeout: float) -> list[str]:
        settings, served = self._database["settings"], timeout * _SHARE
        driver = self._database["driver"]
        if driver == "sqlite":
            from agent.drivers.databases.sqlite.query import queried  # noqa: PLC0415 - each engine when it is asked

            try:
                return queried(settings, self._query, served)
            except RunFailed as error:
                raise Down(str(error)) from error
        if driver == "postgresql":
            from agent.drivers.databases.postgresql import query as postgresql  # noqa: PLC0415

            with postgresql.querying(settings, self._query, served, self._driving()) as command:
                return postgresql.fields(self._ask(command, timeout))
        from agent.drivers.databases.mysql import query as mysql  # noqa: PLC0415

        with mysql.querying(settings, served, self._driving()) as command:
            return mysql.fields(self._ask(command, timeout, mysql.statements(self._query, served)))

    def _ask(self, command: Command, timeout: float, text: bytes = b"") -> bytes:
        answer = self._tools.processes.ask(replace(command, timeout=timeout, grace=GRACE), self._tools.stop, text, MOST)
        try:
            asking.require(answer.completed, f"database {self._database['name']}")
        except RunFailed as error:
            raise Down(str(error)) from error
        if answer.cut:
            raise Down("the query gives more than one number")
        return answer.output

    def _driving(self) -> Driving:
        return Driving(
            processes=self._tools.processes,
            clock=self._tools.clock,
            stop=self._tools.stop,
            progress=lambda _done, _total, _unit: None,
            scratch=self._tools.scratch,
            keep=self._tools.scratch,
        )


def connect_to(_name: str, settings: Settings, tools: Tools) -> Sql:
    """Return the probe."""
    return Sql(settings, tools)


KIND = Kind(connect=connect_to)
