"""What is SQLite's alone: files, their owners, their logs, and whoever has them open."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from agent.drivers.database import Replacing, Tools
from agent.drivers.databases import connect
from agent.errors import RunFailed
from tests.system.databases import copies


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that its owner alone writes to."""
    with tempfile.TemporaryDirectory(prefix="hk-", dir="/tmp") as name:
        yield Path(name)


def make(path: Path, rows: int, *, mode: str = "delete") -> None:
    connection = apsw.Connection(str(path))
    connection.pragma("journal_mode", mode)
    connection.execute("create table t (x)")
    with connection:
        connection.executemany("insert into t values (?)", ((number,) for number in range(rows)))
    connection.close()


def rows(path: Path) -> int:
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        return int(next(iter(connection.execute("select count(*) from t")))[0])
    finally:
        connection.close()


class Case:
    """A file `live.db` of 3 rows whose copy has 2, loaded beside it."""

    def __init__(self, place: Path, tools: Tools, mode: str) -> None:
        self.tools, self.place, self.live = tools, place, place / "live.db"
        make(self.live, 2, mode=mode)
        copies.taken(connect(self.definition, tools), tools, place / "copy")
        apsw.Connection(str(self.live)).execute("insert into t values (3)")
        copies.load(self.replacing(), tools, place / "copy")
        os.unlink(place / "copy")

    @property
    def definition(self) -> dict[str, object]:
        return {"name": "notes", "driver": "sqlite", "settings": {"path": str(self.live)}}

    def replacing(self) -> Replacing:
        return connect(self.definition, self.tools).replacing("m")

    def names(self) -> list[str]:
        return sorted(os.listdir(self.place))


@pytest.fixture(params=["delete", "wal"])
def case(place: Path, tools: Tools, request: pytest.FixtureRequest) -> Case:
    return Case(place, tools, request.param)


def test_copy_holds_what_is_in_the_wal_alone(place: Path, tools: Tools) -> None:
    path = place / "live.db"
    make(path, 2, mode="wal")
    writer = apsw.Connection(str(path))
    writer.execute("insert into t values (3)")
    assert (place / "live.db-wal").stat().st_size > 0
    definition = {"name": "notes", "driver": "sqlite", "settings": {"path": str(path)}}
    dump = copies.taken(connect(definition, tools), tools, place / "copy")
    assert dump.counts == {"t": 3}
    assert rows(place / "copy") == 3
    writer.close()


def test_copy_is_taken_although_writers_never_rest(place: Path, tools: Tools) -> None:
    """Without a WAL each of their transactions spoils what was copied; the copy ends all the same."""
    path = place / "live.db"
    make(path, 2)
    connection = apsw.Connection(str(path))
    numbers = ", ".join(f"({number})" for number in range(20))
    connection.execute(f"create table pad (x); insert into pad select zeroblob(1000000) from (values {numbers})")
    connection.close()
    script = (
        "import apsw, sys\nc = apsw.Connection(sys.argv[1])\n"
        "c.set_busy_timeout(60000); c.pragma('synchronous', 'off')\n"
        "print(flush=True)\nwhile True: c.execute('insert into t values (1)')"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE) as writer:
        try:
            assert writer.stdout is not None
            writer.stdout.readline()
            definition = {"name": "notes", "driver": "sqlite", "settings": {"path": str(path)}}
            dump = copies.taken(connect(definition, tools), tools, place / "copy")
        finally:
            writer.kill()
    assert dump.counts["t"] >= 2
    assert dump.counts["pad"] == 20


def test_damaged_file_is_no_copy(place: Path, tools: Tools) -> None:
    path = place / "live.db"
    make(path, 5000)
    with path.open("r+b") as file:
        file.seek(4096 * 3)
        file.write(b"\xff" * 4096)
    definition = {"name": "notes", "driver": "sqlite", "settings": {"path": str(path)}}
    with pytest.raises(RunFailed, match=r"live\.db"), connect(definition, tools).dumping():
        pass


def test_swap_leaves_whole_files_and_no_logs(case: Case) -> None:
    case.replacing().swap()
    assert case.names() == ["live.db", "live.db.hk-m.old"]
    assert (rows(case.live), rows(case.place / "live.db.hk-m.old")) == (2, 3)
    case.replacing().swap_back()
    assert case.names() == ["live.db", "live.db.hk-m"]
    assert (rows(case.live), rows(case.place / "live.db.hk-m")) == (3, 2)
    case.replacing().discard()
    assert case.names() == ["live.db"]


@pytest.mark.root
def test_swap_keeps_owner_mode_and_attributes(case: Case) -> None:
    os.chown(case.live, 12345, 54321)
    os.chmod(case.live, 0o640)
    os.setxattr(case.live, "user.colour", b"blue")
    case.replacing().swap()
    about = case.live.stat()
    assert (about.st_uid, about.st_gid, stat.S_IMODE(about.st_mode)) == (12345, 54321, 0o640)
    assert os.getxattr(case.live, "user.colour") == b"blue"


def test_loaded_file_is_nobody_elses_to_read(case: Case) -> None:
    assert stat.S_IMODE((case.place / "live.db.hk-m").stat().st_mode) == 0o600


def test_swap_under_somebody_who_has_the_file_open_is_refused(case: Case) -> None:
    script = (
        "import apsw, sys\nc = apsw.Connection(sys.argv[1]); list(c.execute('select * from t'))\n"
        "print(flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(case.live)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(RunFailed, match=rf"is open in python.* \({other.pid}\): stop that first"):
            case.replacing().swap()
        assert rows(case.live) == 3
        other.kill()
    case.replacing().swap()
    assert rows(case.live) == 2


def test_swap_of_a_file_that_is_damaged_takes_its_logs_along(case: Case) -> None:
    case.live.write_bytes(b"rubbish" * 1000)
    (case.place / "live.db-wal").write_bytes(b"old log")
    case.replacing().swap()
    assert rows(case.live) == 2
    assert (case.place / "live.db.hk-m.old-wal").read_bytes() == b"old log"
    case.replacing().swap_back()
    assert case.live.read_bytes() == b"rubbish" * 1000
    assert (case.place / "live.db-wal").read_bytes() == b"old log"
    case.replacing().discard()
    assert case.names() == ["live.db", "live.db-wal"]


def test_swap_from_before_its_last_step_goes_on_and_back(case: Case) -> None:
    """Whoever died had given the live file its second name."""
    os.link(case.live, case.place / "live.db.hk-m.old")
    case.replacing().swap_back()
    assert case.names() == ["live.db", "live.db.hk-m"]
    os.link(case.live, case.place / "live.db.hk-m.old")
    case.replacing().swap()
    assert (rows(case.live), rows(case.place / "live.db.hk-m.old")) == (2, 3)


def test_swap_back_from_before_its_last_step_goes_on(case: Case) -> None:
    """Whoever died had given the loaded file its first name again."""
    case.replacing().swap()
    os.link(case.live, case.place / "live.db.hk-m")
    case.replacing().swap_back()
    assert case.names() == ["live.db", "live.db.hk-m"]
    assert (rows(case.live), rows(case.place / "live.db.hk-m")) == (3, 2)


@pytest.mark.parametrize("back", [False, True])
def test_discard_of_half_a_swap_leaves_the_right_one(case: Case, back: bool) -> None:
    if back:
        case.replacing().swap()
        os.link(case.live, case.place / "live.db.hk-m")
    else:
        os.link(case.live, case.place / "live.db.hk-m.old")
    case.replacing().discard()
    assert case.names() == ["live.db"]
    assert rows(case.live) == 3


def test_link_in_the_place_of_the_loaded_file_is_not_followed(case: Case) -> None:
    victim = case.place / "victim"
    victim.write_text("precious")
    case.replacing().discard()
    os.symlink(victim, case.place / "live.db.hk-m")
    make(case.place / "copy", 2)
    copies.load(case.replacing(), case.tools, case.place / "copy")
    assert victim.read_text() == "precious"
    assert not (case.place / "live.db.hk-m").is_symlink()


def test_table_that_the_copy_has_not_leaves_nothing_once_it_is_discarded(place: Path, tools: Tools) -> None:
    live = place / "live.db"
    make(live, 3)
    database = connect({"name": "notes", "driver": "sqlite", "settings": {"path": str(live)}}, tools)
    copies.taken(database, tools, place / "copy")
    beside = database.replacing("mark")
    with pytest.raises(RunFailed, match="no table 'u'"):
        copies.load(beside, tools, place / "copy", ["u"])
    beside.discard()
    assert sorted(path.name for path in place.iterdir()) == ["copy", "live.db"]
