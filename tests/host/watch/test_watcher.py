"""The watcher of the policy directory, with real changes on a real file system."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.host.watch import Mode
from tests.host.watch.bell import settled, watching


def rename_over(policies: Path) -> None:
    (policies / ".a.tmp").write_text("version: 1 # edited\n")
    os.rename(policies / ".a.tmp", policies / "a.yaml")


def rename_from_elsewhere(policies: Path) -> None:
    other = policies.parent / "elsewhere"
    other.write_text("version: 1 # edited\n")
    os.rename(other, policies / "a.yaml")


def truncate_and_write(policies: Path) -> None:
    (policies / "a.yaml").write_text("version: 1 # edited\n")


def append(policies: Path) -> None:
    with (policies / "a.yaml").open("a") as file:
        file.write("# more\n")


def write_then_chmod(policies: Path) -> None:
    (policies / "c.yaml").write_text("version: 1\n")
    (policies / "c.yaml").chmod(0o600)


def save_as_vim_does(policies: Path) -> None:
    os.rename(policies / "a.yaml", policies / "a.yaml~")
    (policies / "a.yaml").write_text("version: 1 # edited\n")
    (policies / "a.yaml~").unlink()


def chmod_file(policies: Path) -> None:
    (policies / "a.yaml").chmod(0o666)


def chmod_directory(policies: Path) -> None:
    policies.chmod(0o777)


def chmod_above(policies: Path) -> None:
    policies.parent.chmod(0o777)


def delete_file(policies: Path) -> None:
    (policies / "a.yaml").unlink()


def move_file_away(policies: Path) -> None:
    os.rename(policies / "a.yaml", policies.parent / "a.yaml")


def hard_link_in(policies: Path) -> None:
    os.link(policies / "a.yaml", policies / "c.yaml")


def move_directory_away(policies: Path) -> None:
    os.rename(policies, policies.parent / "former")


def move_parent_away(policies: Path) -> None:
    os.rename(policies.parent, policies.parent.parent / "former")


def replace_directory(policies: Path) -> None:
    os.rename(policies, policies.parent / "former")
    policies.mkdir()


def delete_directory(policies: Path) -> None:
    for file in policies.iterdir():
        file.unlink()
    policies.rmdir()


CHANGES = [
    rename_over,
    rename_from_elsewhere,
    truncate_and_write,
    append,
    write_then_chmod,
    save_as_vim_does,
    chmod_file,
    chmod_directory,
    chmod_above,
    delete_file,
    move_file_away,
    hard_link_in,
    move_directory_away,
    move_parent_away,
    replace_directory,
    delete_directory,
]


@pytest.mark.parametrize("change", CHANGES)
def test_watcher_any_change_wakes(policies: Path, inotify: bool, change: Callable[[Path], None]) -> None:
    with watching(policies, inotify=inotify) as (watcher, bell):
        assert watcher.mode is (Mode.INOTIFY if inotify else Mode.POLLING)
        change(policies)
        assert bell.rang_after(0)


@pytest.mark.parametrize("change", [replace_directory, move_parent_away, delete_directory, move_directory_away])
def test_watcher_directory_back_again_sees_changes_in_it(
    policies: Path, inotify: bool, change: Callable[[Path], None]
) -> None:
    with watching(policies, inotify=inotify) as (_, bell):
        change(policies)
        assert bell.rang_after(0)
        before = settled(bell)
        policies.mkdir(parents=True, exist_ok=True)
        (policies / "c.yaml").write_text("version: 1\n")
        assert bell.rang_after(before)
        before = settled(bell)
        (policies / "c.yaml").write_text("version: 1 # edited\n")
        assert bell.rang_after(before)


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_watcher_missing_directory_appears_wakes(tmp_path: Path, inotify: bool, depth: int) -> None:
    policies = tmp_path.joinpath(*"abc"[:depth]) / "policies"
    with watching(policies, inotify=inotify) as (_, bell):
        for parent in (*reversed(policies.parents), policies):
            if not parent.exists():
                parent.mkdir()
        assert bell.rang_after(0)
        before = settled(bell)
        (policies / "a.yaml").write_text("version: 1\n")
        assert bell.rang_after(before)


def test_watcher_own_reading_does_not_wake(policies: Path) -> None:
    (policies / "link.yaml").symlink_to("a.yaml")
    with watching(policies) as (watcher, bell):
        for _ in range(3):
            for file in policies.iterdir():
                file.read_text()
                file.stat()
            watcher.rearm()
        # One event and no other; the kernel keeps the order, so events of the reading would have come before it.
        os.utime(policies / "b.yaml")
        assert bell.rang_after(0)
        assert settled(bell) == 1


def test_watcher_busy_neighbours_do_not_wake(policies: Path) -> None:
    with watching(policies) as (_, bell):
        for number in range(50):
            neighbour = policies.parent / f"neighbour-{number}"
            neighbour.write_text("x")
            neighbour.chmod(0o600)
            neighbour.unlink()
        os.utime(policies / "b.yaml")
        assert bell.rang_after(0)
        assert settled(bell) == 1


def test_watcher_idle_costs_no_time(policies: Path) -> None:
    with watching(policies):
        before = time.process_time()
        threading.Event().wait(0.5)
        assert time.process_time() - before < 0.02


def test_watcher_stopped_gives_everything_back(policies: Path, inotify: bool) -> None:
    descriptors, threads = len(os.listdir("/proc/self/fd")), threading.active_count()
    for _ in range(20):
        with watching(policies, inotify=inotify) as (watcher, bell):
            pass
        assert watcher.mode is Mode.STOPPED
    (policies / "c.yaml").write_text("version: 1\n")
    assert not bell.rang_after(0, within=0.1)
    assert (len(os.listdir("/proc/self/fd")), threading.active_count()) == (descriptors, threads)


def test_link_to_another_file_system_is_suspicious_for_as_long_as_it_is_there(policies: Path) -> None:
    elsewhere = Path("/dev/shm")
    with watching(policies) as (watcher, _):
        assert not watcher.suspicious()
        (policies / "far.yaml").symlink_to(elsewhere)
        watcher.rearm()
        assert watcher.suspicious()
        (policies / "far.yaml").unlink()
        watcher.rearm()
        assert not watcher.suspicious()


def test_directory_with_a_whole_path_is_watched_from_a_place_that_is_gone(
    policies: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = policies.parent / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with watching(policies) as (_, bell):
        rename_over(policies)
        assert bell.rang_after(0, within=60)
