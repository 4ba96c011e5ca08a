"""Ask a database one thing, without being able to change it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from agent.drivers.database import Tools
from agent.drivers.databases.postgresql import binaries
from agent.drivers.databases.postgresql.connection import reaching
from agent.ports import Command


@contextmanager
def querying(settings: Mapping[str, Any], query: str, timeout: float, tools: Tools) -> Iterator[Command]:
    """Yield the command that prints at most two rows of what a query gives: fields end with NUL. Raises RunFailed.

    The server ends it within `timeout` seconds.
    """
    psql = binaries.program(tools, "psql", binaries.ANY, "postgresql-client")
    milliseconds = max(1, int(timeout * 1000))
    statements = (
        "BEGIN READ ONLY",
        f"SET LOCAL statement_timeout = {milliseconds}",
        # A statement that is none to read from is none of a sub-query either.
        f"SELECT * FROM ({query.rstrip().rstrip(';')}\n) AS probe LIMIT 2",
    )
    with reaching(settings, tools) as connection:
        options = [f"--command={statement}" for statement in statements]
        yield connection.command(psql, "-XqAt", "-z", "-0", "--set=ON_ERROR_STOP=1", *options, timeout=timeout)


def fields(output: bytes) -> list[str]:
    """Given what the command printed, return the fields of the rows, one after the other."""
    return output.decode("utf-8", "replace").removesuffix("\0").split("\0") if output else []
