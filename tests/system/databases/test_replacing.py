"""A copy takes the place of the live database, and gives it back, whenever somebody dies meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from agent.drivers.database import Replacing, Tools
from agent.errors import RunFailed
from agent.ports import Command, Completed, Piped, Processes, Program
from tests.system.databases import copies
from tests.system.databases.engines import HOSTILE, Engine

MARK = "7f3a"
CHANGE = "delete from parts where id % 3 = 0; update items set label = 'changed' where id = 2"


class Killed(BaseException):
    """Stands for the end of the process."""


class Mortal:
    """Processes of somebody who dies instead of starting one more program than `lives`."""

    def __init__(self, processes: Processes, lives: int) -> None:
        self._processes = processes
        self._lives = lives

    def run(self, command: Command, stop: Callable[[], bool]) -> Completed:
        self._live()
        return self._processes.run(command, stop)

    @contextmanager
    def piped(self, programs: Sequence[Program], stop: Callable[[], bool]) -> Iterator[Piped]:
        self._live()
        with self._processes.piped(programs, stop) as piped:
            yield piped

    def _live(self) -> None:
        if self._lives == 0:
            raise Killed
        self._lives -= 1


class Case:
    """A database that has changed since it was copied, and the copy loaded beside it."""

    def __init__(self, engine: Engine, tools: Tools, place: Path) -> None:
        self.engine, self.tools = engine, tools
        self.database = engine.make()
        self.copied = self.live()
        copies.taken(engine.connect(self.database, tools), tools, place / "copy")
        engine.sql(CHANGE, self.database)
        self.changed = self.live()
        assert self.changed != self.copied
        copies.load(self.replacing(), tools, place / "copy")

    def replacing(self, lives: int | None = None) -> Replacing:
        """Return a driver as a new process would have it, one with so many lives."""
        tools = self.tools
        if lives is not None:
            tools = replace(tools, processes=Mortal(tools.processes, lives))
        return self.engine.connect(self.database, tools).replacing(MARK)

    def live(self) -> dict[str, str]:
        found = {table: "\n".join(self.engine.sql(text, self.database)) for table, text in self.engine.digests.items()}
        found["view"] = "\n".join(self.engine.sql("select count(*) from labels", self.database))
        return found

    def beside(self) -> dict[str, str]:
        """Return what is in the one that is not live, before the swap."""
        target = self.replacing()
        return {**copies.digests(target, self.engine.digests), "view": target.query("select count(*) from labels")}

    def require_trigger(self) -> None:
        """The trigger is the live database's, and works."""
        self.engine.sql("insert into items (id, label) values (9000, 'new')", self.database)
        assert self.engine.sql("select what from log where what = 'item 9000'", self.database) == ["item 9000"]
        self.engine.sql("delete from items where id = 9000; delete from log where what = 'item 9000'", self.database)


@pytest.fixture
def case(engine: Engine, tools: Tools, tmp_path: Path) -> Iterator[Case]:
    made = Case(engine, tools, tmp_path)
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


def test_whoever_is_killed_in_a_swap_can_go_on_or_back(case: Case) -> None:
    lives = 0
    while True:
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
        lives += 1
    assert case.live() == case.copied
    case.require_trigger()


def test_whoever_is_killed_going_back_can_go_back_again(case: Case) -> None:
    lives = 0
    while True:
        case.replacing().swap()
        try:
            case.replacing(lives).swap_back()
        except Killed:
            case.replacing().swap_back()
            assert case.live() == case.changed
            assert case.beside() == case.copied
        else:
            break
        lives += 1
    assert case.live() == case.changed
    case.require_trigger()
