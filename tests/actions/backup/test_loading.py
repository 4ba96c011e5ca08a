"""Loading the copy of a database: whose failure it is when several programs work together, and what is counted."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import cast

import pytest
from msgspec.structs import replace

from agent.actions.backup._loading import load, miscounted
from agent.drivers.repository import Repository
from agent.errors import RunFailed
from agent.model.backups import Backup
from agent.ports import Command, Completed, Program
from tests.actions.backup.fakes import FakeTarget
from tests.actions.backup.restoring import DATABASE, backup
from tests.fakes import FakeProcesses, context


def program(name: str) -> Program:
    command = Command(argv=(name,), user=None, environment={}, directory="/", timeout=1.0, grace=1.0, output_limit=1)
    return Program(command)


class Reading:
    @contextmanager
    def reading(self, _backup: Backup, _part: str) -> Iterator[Callable[[int], tuple[Program, ...]]]:
        yield lambda _descriptor: (program("zstd"),)


class Strict(FakeTarget):
    """A target whose loader says what was wrong."""

    def loading(self, source: int, tables: Sequence[str] = ()) -> tuple[Program, ...]:
        return (program("load"),)

    def settle(self, completed: Sequence[Completed]) -> None:
        if completed[0].code:
            raise RunFailed("the backup has no table 'ordrs'")


def tried(reader: int, loader: int, tables: Sequence[str]) -> None:
    answers: dict[tuple[str, ...], Completed] = {
        (name,): Completed(code, "", 0, False, 0.0) for name, code in (("zstd", reader), ("load", loader))
    }
    ctx = replace(context(), processes=FakeProcesses(answers))
    load(ctx, cast(Repository, Reading()), backup(), DATABASE, Strict({}), tables)


@pytest.mark.parametrize(
    ("reader", "loader", "tables", "sentence"),
    [
        (-signal.SIGPIPE, 1, ("ordrs",), "no table 'ordrs'"),
        (-signal.SIGPIPE, 1, (), "no table 'ordrs'"),
        (-signal.SIGPIPE, 0, (), "could not be read"),
        (1, 1, ("orders",), "could not be read"),
        (1, 0, ("orders",), "could not be read"),
    ],
)
def test_failure_is_that_of_the_program_that_failed_first(
    reader: int, loader: int, tables: Sequence[str], sentence: str
) -> None:
    with pytest.raises(RunFailed, match=sentence):
        tried(reader, loader, tables)


def test_some_tables_are_loaded_although_nobody_reads_what_follows_them() -> None:
    tried(-signal.SIGPIPE, 0, ("orders",))


def test_table_that_was_asked_for_without_its_schema_is_counted() -> None:
    part = replace(DATABASE, counts={"public.orders": 3, "old.orders": 2, "public.other": 1})
    assert miscounted(part, {"public.orders": 3}, ["orders"]) == []
    assert miscounted(part, {"public.orders": 2}, ["orders"]) == [
        "shop: the table public.orders has 2 rows instead of 3"
    ]
