"""Ask a database one thing, without being able to change it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from agent.drivers.database import Tools
from agent.drivers.databases.mysql.connection import reaching
from agent.ports import Command


def statements(query: str, timeout: float) -> bytes:
    """Given a query, return what the command reads: at most two rows, ended by the server within `timeout` seconds."""
    limits = (
        # Each of the two servers knows another way, and takes the other's for a comment.
        f"/*M! SET SESSION max_statement_time = {timeout:.3f} */;\n"
        f"/*!50708 SET SESSION max_execution_time = {max(1, int(timeout * 1000))} */;\n"
    )
    whole = f"SELECT * FROM ({query.rstrip().rstrip(';')}\n) AS probe LIMIT 2;\n"
    return f"{limits}START TRANSACTION READ ONLY;\n{whole}".encode()


@contextmanager
def querying(settings: Mapping[str, Any], timeout: float, tools: Tools) -> Iterator[Command]:
    """Yield the command that prints rows, a line each, fields between tabs. Raises RunFailed."""
    with reaching(settings, tools) as connection:
        yield connection.client("--binary-mode", "--batch", "--raw", "--skip-column-names", timeout=timeout)


def fields(output: bytes) -> list[str]:
    """Given what the command printed, return the fields of the rows, one after the other; NULL is empty."""
    lines = output.decode("utf-8", "replace").removesuffix("\n").split("\n") if output else []
    return ["" if field == "NULL" else field for line in lines for field in line.split("\t")]
