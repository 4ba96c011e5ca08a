"""What goes wrong while a backup is made: told as a flaw, or the end of it, and then nothing of it is left."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent.drivers.repository import ReadOnly
from agent.errors import Refused, RunFailed
from agent.host.flock import locked
from agent.model.reasons import Reason
from agent.ports import StopRequested
from tests.drivers.repositories.tar.house import HOST, SERIES, TASK, House
from tests.host.trees import as_user
from tests.system.backups.beds import Numbers

LARGE = 12 << 20
"""More than tar can have read while the first piece goes by."""


@pytest.fixture
def house(tmp_path: Path) -> House:
    made = House(tmp_path)
    (made.tree / "large").write_bytes(os.urandom(1 << 20) * (LARGE >> 20))
    (made.tree / "small").write_text("x")
    return made


def first_piece(house: House, act: Callable[[], object]) -> None:
    """Have something happen when the first piece of a large file has gone by."""
    acts = [act]

    def progress(done: int, total: int, unit: str) -> None:
        if acts:
            acts.pop()()

    house.progress = progress


def grow(file: Path) -> None:
    with file.open("ab") as output:
        output.write(b"more")


@pytest.mark.parametrize(
    ("act", "flaw"),
    [
        (lambda tree: os.truncate(tree / "large", LARGE // 2), "/large became shorter while it was read"),
        (lambda tree: grow(tree / "large"), "/large changed while it was read"),
        (lambda tree: os.utime(tree / "large"), "/large changed while it was read"),
        (lambda tree: (tree / "small").unlink(), "/small went away before it was read"),
    ],
)
def test_file_that_changes_while_it_is_read_is_told(house: House, act: Callable[[Path], None], flaw: str) -> None:
    first_piece(house, lambda: act(house.tree))
    backup = house.create()
    assert f"{house.tree}{flaw}" in backup.flaws
    (listed,) = house.open().listing().backups
    assert listed == backup
    # The next one has it as it is.
    house.progress = lambda done, total, unit: None
    again = house.create(backup)
    assert (again.level, again.flaws) == ("incremental", ())
    out = house.by_hand([backup, again])
    assert (out / "large").read_bytes() == (house.tree / "large").read_bytes()
    assert (out / "small").exists() == (house.tree / "small").exists()


def test_source_that_goes_away_meanwhile_is_no_backup(house: House) -> None:
    first_piece(house, lambda: house.tree.rename(house.place / "gone"))
    with pytest.raises(RunFailed, match="while it was backed up"):
        house.create()
    assert house.names() == []


def instead_of(house: House, monkeypatch: pytest.MonkeyPatch, name: str, script: str) -> None:
    """Put a program in the place of another one, which it finds as $REAL."""
    (house.place / "bin").mkdir(exist_ok=True)
    fake = house.place / "bin" / name
    fake.write_text(f'#!/bin/sh\nREAL={shutil.which(name)}\n[ "$1" = --version ] && exec $REAL --version\n{script}\n')
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:{os.environ['PATH']}")


def test_file_that_cannot_be_read_is_told_and_nothing_builds_on_that(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    instead_of(house, monkeypatch, "tar", 'echo "tar: srv/x: Warning: Cannot open: I/O error" >&2; exec $REAL "$@"')
    backup = house.create()
    assert backup.flaws == ("/srv/x cannot be read: I/O error",)
    again = house.create(backup)
    assert (again.level, again.parent) == ("full", "")
    assert "could not be read" in again.parts[0].facts["level"]


@pytest.mark.root
def test_file_that_a_user_may_not_read_is_told() -> None:
    code = """
import os, sys
from pathlib import Path
from tests.drivers.repositories.tar.house import House
# Whatever the interpreter loads late it loads now, from where a user may not look.
first = House(Path(sys.argv[2]))
(first.tree / "one").touch()
first.create()
os.setgroups([]); os.setgid(65534); os.setuid(65534)
house = House(Path(sys.argv[1]))
(house.tree / "other").touch()
print(house.create().flaws)
"""
    with tempfile.TemporaryDirectory() as place, tempfile.TemporaryDirectory() as first:
        tree = Path(place, "tree")
        tree.mkdir()
        (tree / "closed").touch(mode=0o600)
        for path in (place, tree):
            os.chown(path, 65534, 65534)
        done = subprocess.run([sys.executable, "-c", code, place, first], check=False, capture_output=True, text=True)
    assert done.stdout == f"('{tree}/closed cannot be read: Permission denied',)\n", done.stderr


@pytest.mark.parametrize(
    ("program", "script", "why"),
    [
        ("tar", 'echo "tar: internal trouble" >&2; exit 2', "internal trouble"),
        ("tar", "exit 0", "did not say why"),
        ("tar", '$REAL "$@"; kill -9 $$', "code -9"),
        ("tar", "echo this is no archive; head -c 2000 /dev/zero | tr '\\0' x", "no archive"),
        ("zstd", 'head -c 2000000 >/dev/null; echo "No space left" >&2; exit 1', "No space left"),
        ("zstd", "exec $REAL -q -c </dev/null", "tar failed with code -13"),
    ],
)
def test_program_that_fails_leaves_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch, program: str, script: str, why: str
) -> None:
    instead_of(house, monkeypatch, program, script)
    with pytest.raises(RunFailed, match=why):
        house.create()
    assert house.names() == []
    assert list(house.place.glob("keep/tar/local/*.snar")) == []


@pytest.mark.parametrize(
    ("program", "version", "why"),
    [
        ("tar", "bsdtar 3.6.2 - libarchive 3.6.2", "not the one"),
        ("tar", "tar (GNU tar) 1.26", "too old"),
        ("zstd", "*** zstd command line interface 64-bits v1.3.8, by Yann Collet ***", "not the one"),
        ("zstd", "*** Zstandard CLI (64-bit) v1.3.8, by Yann Collet ***", "too old"),
    ],
)
def test_program_of_another_kind_or_age_is_told_with_what_to_install(
    house: House, monkeypatch: pytest.MonkeyPatch, program: str, version: str, why: str
) -> None:
    (house.place / "bin").mkdir()
    (house.place / "bin" / program).write_text(f"#!/bin/sh\necho '{version}'\n")
    (house.place / "bin" / program).chmod(0o755)
    monkeypatch.setenv("PATH", f"{house.place}/bin:{os.environ['PATH']}")
    with pytest.raises(RunFailed, match=f"{why}.*apt install {program}"):
        house.create()


def test_database_that_fails_leaves_nothing(house: House) -> None:
    with pytest.raises(RunFailed, match="went away"):
        house.create(databases=(Numbers(most=10, fails="the server went away"),))
    assert house.names() == []


@pytest.mark.parametrize("after", [0, 3, 20])
def test_stop_leaves_nothing(house: House, after: int) -> None:
    asked = iter(range(10_000))
    house.stop = lambda: next(asked) >= after
    with pytest.raises(StopRequested):
        house.create()
    assert house.names() == []


@pytest.mark.parametrize("moment", ["stop 2", "stop 30", "now 2"])
def test_kill_leaves_nothing_that_a_sweep_does_not_remove(house: House, moment: str) -> None:
    first = house.create()
    what, nth = moment.split()
    code = f"""
import os, signal, sys
from pathlib import Path
from agent.host.clock import SystemClock
from tests.drivers.repositories.tar.house import House
calls = iter(range({nth}))
def die(answer):
    if next(calls, None) is None:
        os.kill(os.getpid(), signal.SIGKILL)
    return answer
class Deadly(SystemClock):
    def now(self):
        return die(super().now())
house = House(Path({str(house.place)!r}))
if {what!r} == "now":
    house.clock = Deadly()
else:
    house.stop = lambda: die(False)
house.create()
"""
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True)
    assert done.returncode == -signal.SIGKILL
    listing = house.open().listing()
    assert listing.backups == (first,)
    (junk,) = listing.junk
    assert "its run died" in junk.why
    assert house.open().sweep() == (junk.name,)
    assert house.names() == [first.id]
    assert house.create(first).level == "incremental"


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A disk of 4 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4M", "none", place], check=True)
    yield place
    subprocess.run(["umount", place], check=True)


@pytest.mark.root
@pytest.mark.parametrize("room", [4 << 20, 100_000, 8192, 0])
def test_disk_that_is_full_takes_no_half_backup_and_gets_its_room_back(house: House, small: Path, room: int) -> None:
    house.path = small / "repository"
    (house.tree / "large").write_bytes(os.urandom(5 << 20))
    house.open().prepare()
    held = os.statvfs(small)
    (small / "ballast").write_bytes(bytes(max(held.f_bavail * held.f_frsize - room, 0)))
    before = os.statvfs(small).f_bavail
    with pytest.raises(RunFailed, match="No space left"):
        house.create()
    assert house.names() == []
    assert os.statvfs(small).f_bavail >= before - 2


def test_series_that_another_agent_is_at_is_refused(house: House) -> None:
    house.create()
    repository = house.open()
    with locked(str(house.series / ".lock")) as mine:
        assert mine
        with pytest.raises(Refused) as refused:
            house.create()
        (house.series / ".partial-1").mkdir()
        assert repository.sweep() == ()
    assert refused.value.reason == Reason.REPOSITORY_IN_USE
    assert repository.sweep() == (f"{SERIES}/.partial-1",)
    with repository.lock(HOST, TASK), repository.lock(HOST, TASK), pytest.raises(Refused):
        house.create()


@pytest.mark.root
def test_lock_of_a_repository_that_a_user_may_not_write_says_that_it_may_only_be_read() -> None:
    # Not below a directory that is root's alone: what may not even be found says the same.
    with tempfile.TemporaryDirectory() as place:
        house = House(Path(place))
        (house.tree / "small").write_text("x")
        house.create()
        for path in (house.place, house.path, house.series.parent, house.series):
            path.chmod(0o755)
        with as_user(65534), pytest.raises(ReadOnly, match="Permission denied"), house.open().lock(HOST, TASK):
            pass


@pytest.mark.root
def test_other_file_system_is_left_out_and_that_is_said(house: House, small: Path) -> None:
    (small / "file").write_text("x")
    inside = house.tree / "inside"
    inside.mkdir()
    subprocess.run(["mount", "--bind", small, inside], check=True)
    try:
        backup = house.create(one_file_system=True)
        crossing = house.create()
    finally:
        subprocess.run(["umount", inside], check=True)
    assert (backup.files, backup.flaws) == (2, ())
    assert backup.parts[0].facts["left out"] == f"{inside} is on another file system"
    assert crossing.files == 3


@pytest.mark.root
def test_capabilities_of_a_program_and_foreign_attributes_are_kept(house: House) -> None:
    capability = bytes.fromhex("0100000200200000000000000000000000000000")
    os.setxattr(house.tree / "small", "security.capability", capability)
    os.setxattr(house.tree / "small", "trusted.overlay", b"y")
    out = house.by_hand([house.create()])
    assert os.getxattr(out / "small", "security.capability") == capability
    assert os.getxattr(out / "small", "trusted.overlay") == b"y"
