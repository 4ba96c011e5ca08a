"""A copy takes the place of the live database, and gives it back, whenever somebody dies meanwhile."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest
from msgspec.structs import replace

from agent.drivers.database import Dump, Replacing, Tools
from agent.errors import RunFailed
from agent.ports import Command, Completed, Piped, Processes, Program
from tests.system.databases import copies
from tests.system.databases.engines import HOSTILE, Engine

MARK = "7f3a"
CHANGE = "delete from parts where id % 3 = 0; update items set label = 'changed' where id = 2"


class Killed(BaseException):
    """Stands for the end of the process."""


class Mortal:
    """Processes of somebody who dies instead of changing anything once more than `lives` times."""

    def __init__(self, processes: Processes, lives: int) -> None:
        self._processes = processes
        self._lives = lives

    def run(self, command: Command, stop: Callable[[], bool]) -> Completed:
        return self._processes.run(command, stop)

    @contextmanager
    def piped(self, programs: Sequence[Program], stop: Callable[[], bool]) -> Iterator[Piped]:
        if any(map(_changes, programs)):
            if self._lives == 0:
                raise Killed
            self._lives -= 1
        with self._processes.piped(programs, stop) as piped:
            yield piped


def _changes(program: Program) -> bool:
    """Tell whether a program is told anything but questions."""
    if program.stdin is None:
        return False
    text = os.pread(program.stdin, 100, 0)
    return bool(text) and not text.startswith(b"select")


class Case:
    """A database that has changed since it was the same as the shop, and the copy of that loaded beside it."""

    def __init__(self, engine: Engine, tools: Tools, copy: Path) -> None:
        self.engine, self.tools = engine, tools
        self.database = engine.make()
        self.copied = self.live()
        engine.sql(CHANGE, self.database)
        self.changed = self.live()
        assert self.changed != self.copied
        copies.load(self.replacing(), tools, copy)

    def replacing(self, lives: int | None = None) -> Replacing:
        """Return a driver as a new process would have it, one with so many lives."""
        tools = self.tools
        if lives is not None:
            tools = replace(tools, processes=Mortal(tools.processes, lives))
        return self.engine.connect(self.database, tools).replacing(MARK)

    def live(self) -> list[str]:
        """Return what is in the live database."""
        return self.engine.sql(self._questions, self.database)

    def beside(self) -> list[str]:
        """Return what is in the one that is not live, before the swap."""
        return self.engine.sql(self._questions, self.replacing().beside)

    @property
    def _questions(self) -> str:
        return "; ".join([*self.engine.digests.values(), "select count(*) from labels"])

    def require_trigger(self) -> None:
        """The trigger is the live database's, and works."""
        self.engine.sql("insert into items (id, label) values (9000, 'new')", self.database)
        assert self.engine.sql("select what from log where what = 'item 9000'", self.database) == ["item 9000"]
        self.engine.sql("delete from items where id = 9000; delete from log where what = 'item 9000'", self.database)


@pytest.fixture
def case(engine: Engine, tools: Tools, copy: tuple[Path, Dump]) -> Iterator[Case]:
    made = Case(engine, tools, copy[0])
    yield made
    made.replacing().discard()
    engine.drop(made.database)


def test_swap_and_swap_back_change_places_as_often_as_asked(case: Case) -> None:
    assert case.beside() == case.copied
    assert case.replacing().counts()[case.engine.table(HOSTILE)] == 2
    for _ in range(2):
        for _ in range(2):
            case.replacing().swap()
            assert case.live() == case.copied
            case.require_trigger()
        for _ in range(2):
            case.replacing().swap_back()
            assert case.live() == case.changed
            assert case.beside() == case.copied
            case.require_trigger()


def test_discard_leaves_the_live_one_alone(case: Case) -> None:
    case.replacing().swap()
    for _ in range(2):
        case.replacing().discard()
        assert case.live() == case.copied
    case.replacing().swap_back()
    assert case.live() == case.copied
    with pytest.raises(RunFailed, match=MARK):
        case.replacing().swap()


def test_discard_before_the_swap_removes_what_was_loaded(case: Case) -> None:
    for _ in range(2):
        case.replacing().discard()
        assert case.live() == case.changed
    with pytest.raises(RunFailed, match="there is no"):
        case.replacing().swap()


def test_database_that_is_gone_is_put_in_its_place_and_taken_back(case: Case) -> None:
    case.engine.drop(case.database)
    case.replacing().swap()
    assert case.live() == case.copied
    case.replacing().swap()
    case.replacing().swap_back()
    with pytest.raises(RunFailed):
        case.engine.connect(case.database, case.tools).look()
    assert case.beside() == case.copied
    case.replacing().swap()
    case.replacing().discard()
    assert case.live() == case.copied


@pytest.mark.slow
def test_whoever_is_killed_in_a_swap_can_go_on_or_back(case: Case) -> None:
    for lives in count():
        try:
            case.replacing(lives).swap()
        except Killed:
            if lives % 2:
                case.replacing().swap()
                assert case.live() == case.copied
            case.replacing().swap_back()
            assert case.live() == case.changed
            assert case.beside() == case.copied
        else:
            break
    assert case.live() == case.copied
    case.require_trigger()


@pytest.mark.slow
def test_whoever_is_killed_going_back_can_go_back_again(case: Case) -> None:
    # Half of the points: on the way there they have all been tried.
    for lives in count(step=2):
        case.replacing().swap()
        try:
            case.replacing(lives).swap_back()
        except Killed:
            case.replacing().swap_back()
            assert case.live() == case.changed
            assert case.beside() == case.copied
        else:
            break
    assert case.live() == case.changed
    case.require_trigger()
