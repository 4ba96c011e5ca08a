"""A session of psql that is held open while others work with what it holds."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from agent.drivers import asking
from agent.drivers.database import Tools
from agent.drivers.databases.postgresql import binaries, sql
from agent.drivers.databases.postgresql.connection import Connection
from agent.errors import RunFailed
from agent.ports import Piped, Program

_MARK = b"-- the end of an answer"
"""No JSON."""


class Ended(Exception):
    """The session has ended before it had answered."""


class Session:
    """Asks by one descriptor and reads answers from another."""

    def __init__(self, asking_end: int, answering_end: int) -> None:
        self._ask = asking_end
        self._answer = open(answering_end, "rb", closefd=False)  # noqa: SIM115 - the descriptor is not ours to close

    def ask(self, text: str) -> list[Any]:
        """Given statements, return the values of their answers, which have to be JSON. Raises Ended."""
        question = f"{text};\n\\echo '{_MARK.decode()}'\n".encode()
        try:
            view = memoryview(question)
            while view:
                view = view[os.write(self._ask, view) :]
        except BrokenPipeError:
            raise Ended from None
        lines = bytearray()
        for line in self._answer:
            if line.rstrip(b"\n") == _MARK:
                return sql.decoded(bytes(lines))
            lines += line
        raise Ended


@contextmanager
def held(tools: Tools, connection: Connection) -> Iterator[Session]:
    """Hold a session open. Raises RunFailed, with what psql said, when it ends before the context does."""
    psql = binaries.program(tools, "psql", binaries.ANY, "postgresql-client")
    command = connection.command(psql, "-XqAt", "--set=ON_ERROR_STOP=1", "--file=-")
    piped: Piped | None = None
    with _pipe() as question, _pipe() as answer:
        try:
            with tools.processes.piped((Program(command, question[0], answer[1]),), tools.stop) as piped:
                _close(question, 0)
                _close(answer, 1)
                yield Session(question[1], answer[0])
                _close(question, 1)
        except Ended as error:
            assert piped is not None
            raise RunFailed(
                f"PostgreSQL, database {connection.database!r}: {asking.said(piped.completed[0])}"
            ) from error


@contextmanager
def _pipe() -> Iterator[list[int]]:
    ends = list(os.pipe())
    try:
        yield ends
    finally:
        for end in (0, 1):
            _close(ends, end)


def _close(ends: list[int], end: int) -> None:
    if ends[end] >= 0:
        os.close(ends[end])
        ends[end] = -1
