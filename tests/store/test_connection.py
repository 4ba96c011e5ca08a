from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import apsw
import pytest

from agent.engine.submit import submit
from agent.errors import StoreError
from agent.model.runs import Origin, RunState
from agent.store import Store
from agent.store.connection import BALLAST_NAME, DATABASE_NAME
from agent.store.tables import MIGRATIONS
from agent.store.verify import verify
from tests.fakes import task
from tests.host.trees import as_user


def test_open_makes_a_private_directory(tmp_path: Path) -> None:
    with Store(str(tmp_path / "state")):
        pass
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700


def test_open_of_a_public_directory_closes_it(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o755)
    with Store(str(state)):
        assert stat.S_IMODE(state.stat().st_mode) == 0o700


def test_open_read_only_without_a_store_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no store yet"):
        Store(str(tmp_path), read_only=True)


def test_open_read_only_while_the_store_is_being_made_says_so(tmp_path: Path) -> None:
    (tmp_path / DATABASE_NAME).touch()
    with pytest.raises(StoreError, match="there is no store yet; it is being made"):
        Store(str(tmp_path), read_only=True)


def test_read_only_cannot_write(tmp_path: Path) -> None:
    with Store(str(tmp_path / "s")) as store:
        store.facts.set("a", 1)
    with Store(str(tmp_path / "s"), read_only=True) as store:
        assert store.facts.get("a") == 1
        with pytest.raises(StoreError, match="readonly"):
            store.facts.set("a", 2)


@pytest.mark.parametrize("damage", [b"not a database at all" * 100, b"\0" * 4096])
def test_open_of_a_damaged_file_says_what_to_do(tmp_path: Path, damage: bytes) -> None:
    tmp_path.chmod(0o700)
    (tmp_path / DATABASE_NAME).write_bytes(damage)
    with pytest.raises(StoreError, match="move it aside"):
        Store(str(tmp_path))


def test_open_of_a_store_of_the_first_version_keeps_its_runs(tmp_path: Path) -> None:
    with Store(str(tmp_path / "s")) as store:
        made = submit(store, task(), policy="p", origin=Origin.MANUAL, due=1.0, now=1.0)
        assert made is not None
        store.runs.advance(made.id, RunState.PENDING, RunState.SKIPPED, ended=2.0)
        made = store.runs.get(made.id)
        store.holds.place("remedy", "breaker_open", "acted too often", 3.0)
        rows = store.connection.rows("SELECT * FROM runs")
    with apsw.Connection(str(tmp_path / "s" / DATABASE_NAME)) as old:
        names = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        for (table,) in old.execute(names).fetchall():
            old.execute(f"DROP TABLE {table}")
        old.execute(f"{MIGRATIONS[0]}; PRAGMA user_version = 1")
        old.execute(f"INSERT INTO runs VALUES ({', '.join('?' * len(rows[0]))})", rows[0])
    with Store(str(tmp_path / "s")) as store:
        assert store.runs.get(made.id) == made
        verdict = verify(store)
    assert verdict.intact
    assert (verdict.records, verdict.runs) == (2, 1)


def test_open_of_a_later_version_is_refused(tmp_path: Path) -> None:
    with Store(str(tmp_path / "s")) as store:
        store.connection.rows("PRAGMA user_version = 999")
    with pytest.raises(StoreError, match="version 999"):
        Store(str(tmp_path / "s"))


def test_transaction_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with Store(str(tmp_path / "s")) as store:
        with pytest.raises(ValueError, match="no"), store.transaction():
            store.facts.set("a", 1)
            raise ValueError("no")
        assert store.facts.get("a") is None


def test_write_while_the_directory_is_gone_fails_in_words(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with Store(str(state)) as store:
        state.rename(tmp_path / "elsewhere")
        with pytest.raises(StoreError, match=r"state directory .*: No such file or directory"), store.transaction():
            store.facts.set("a", "b")
        (tmp_path / "elsewhere").rename(state)
        with store.transaction():
            store.facts.set("a", "b")


def test_flipped_bits_in_payloads_are_seen_by_the_seals(tmp_path: Path) -> None:
    with Store(str(tmp_path / "s")) as store:
        for number in range(50):
            store.marks.set(f"task-{number:03d}", "@daily", float(number))
        store.connection.rows("PRAGMA wal_checkpoint(TRUNCATE)")
    path = tmp_path / "s" / DATABASE_NAME
    content = path.read_bytes()
    place = content.index(b"task-025")
    for bit in range(8):
        damaged = bytearray(content)
        damaged[place + 7] ^= 1 << bit
        path.write_bytes(damaged)
        with pytest.raises(StoreError), Store(str(tmp_path / "s")) as store:
            store.marks.all()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if os.geteuid():
        pytest.skip("needs root: mounts a small tmpfs")
    place = tmp_path / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m,nr_inodes=64", "tmpfs", str(place)], check=True)
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.root
def test_write_on_a_disk_without_bytes_or_inodes_gives_up_the_ballast(small_disk: Path) -> None:
    with Store(str(small_disk / "s"), ballast_bytes=512 << 10) as store:
        assert (small_disk / "s" / BALLAST_NAME).stat().st_blocks * 512 >= 512 << 10
        with pytest.raises(OSError, match="No space left"), open(small_disk / "fill", "wb") as fill:
            while True:
                fill.write(b"x" * 4096)
                fill.flush()
        with pytest.raises(OSError, match="No space left"):
            for number in range(100):
                (small_disk / f"inode-{number}").symlink_to("x")
        store.marks.set("task", "@daily", 1.0)
        with store.transaction():
            store.marks.set("task", "@daily", 2.0)
        assert store.marks.all() == {"task": ("@daily", 2.0)}
    with Store(str(small_disk / "s"), ballast_bytes=512 << 10) as store:
        store.marks.set("task", "@daily", 3.0)
        assert store.marks.all() == {"task": ("@daily", 3.0)}


@pytest.mark.root
def test_write_on_a_full_disk_fails_in_words_once_the_ballast_is_gone_and_works_when_there_is_room(
    small_disk: Path,
) -> None:
    with Store(str(small_disk / "s"), ballast_bytes=256 << 10) as store, (small_disk / "fill").open("wb", 0) as fill:
        store.marks.set("task", "@daily", 1.0)
        os.truncate(small_disk / "s" / BALLAST_NAME, 0)
        with pytest.raises(OSError, match="No space left"):
            while True:
                fill.write(b"x" * 4096)
                fill.flush()
        for number in range(3):
            with pytest.raises(StoreError, match="the disk is full"):
                store.facts.set("large", "x" * 100_000)
            with pytest.raises(StoreError, match="the disk is full"), store.transaction():
                store.marks.set("task", "@daily", 2.0)
                store.facts.set("large", f"{number}" * 100_000)
        assert store.marks.all() == {"task": ("@daily", 1.0)}
        fill.truncate(0)
        with store.transaction():
            store.marks.set("task", "@daily", 3.0)
        assert store.marks.all() == {"task": ("@daily", 3.0)}


@pytest.mark.root
def test_process_without_a_ballast_of_its_own_gives_up_that_of_the_store(small_disk: Path) -> None:
    with Store(str(small_disk / "s"), ballast_bytes=512 << 10), Store(str(small_disk / "s")) as store:
        with pytest.raises(OSError, match="No space left"), open(small_disk / "fill", "wb") as fill:
            while True:
                fill.write(b"x" * 4096)
                fill.flush()
        with store.transaction():
            store.facts.set("large", "x" * 100_000)
        assert store.facts.get("large") == "x" * 100_000


def test_ballast_is_made_when_its_size_becomes_known(tmp_path: Path) -> None:
    with Store(str(tmp_path / "s")) as store:
        assert not store.connection.restore_ballast()
        store.connection.keep_ballast(256 << 10)
        assert (tmp_path / "s" / BALLAST_NAME).stat().st_size == 256 << 10
        assert store.connection.restore_ballast()


@pytest.mark.root
def test_ballast_is_made_again_when_there_is_room(small_disk: Path) -> None:
    with Store(str(small_disk / "s"), ballast_bytes=256 << 10) as store:
        os.truncate(small_disk / "s" / BALLAST_NAME, 0)
        assert store.connection.restore_ballast()
        assert (small_disk / "s" / BALLAST_NAME).stat().st_blocks * 512 >= 256 << 10


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give a file away")
@pytest.mark.parametrize("suffix", ["", "-wal"])
def test_open_of_a_store_that_somebody_else_planted_is_refused(tmp_path: Path, suffix: str) -> None:
    with Store(str(tmp_path)):
        pass
    (tmp_path / f"hostkeeper.db{suffix}").touch()
    os.chown(tmp_path / f"hostkeeper.db{suffix}", 65534, 65534)
    with pytest.raises(StoreError, match="move it aside"), Store(str(tmp_path)):
        pass


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to be somebody else")
@pytest.mark.parametrize("read_only", [True, False])
def test_open_of_a_store_of_another_user_says_who_may(read_only: bool) -> None:
    right = "Permission denied; run this as the user of the agent" if read_only else "user id 0; run this as that user"
    with TemporaryDirectory(dir="/tmp") as place:
        Path(place).chmod(0o755)
        state = f"{place}/state"
        with Store(state):
            pass
        with as_user(65534), pytest.raises(StoreError, match=right):
            Store(state, read_only=read_only)


def test_open_of_a_link_in_place_of_the_store_is_refused(tmp_path: Path) -> None:
    with Store(str(tmp_path / "elsewhere")):
        pass
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "hostkeeper.db").symlink_to(tmp_path / "elsewhere" / "hostkeeper.db")
    with pytest.raises(StoreError, match="move it aside"), Store(str(tmp_path / "state")):
        pass
