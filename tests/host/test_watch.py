"""The watcher of the policy directory, with real changes on a real file system."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.host.watch import Debounce, Mode, Watcher
from agent.host.watch.filesystems import shared_filesystem
from agent.host.watch.way import Walker

WITHIN = 1.0


class Bell:
    """Counts wake-ups; a test waits until one more has come."""

    def __init__(self) -> None:
        self.count = 0
        self._condition = threading.Condition()

    def ring(self) -> None:
        with self._condition:
            self.count += 1
            self._condition.notify_all()

    def rang_after(self, count: int, within: float = WITHIN) -> bool:
        with self._condition:
            return self._condition.wait_for(lambda: self.count > count, within)


@contextmanager
def watching(directory: Path, *, inotify: bool = True) -> Iterator[tuple[Watcher, Bell]]:
    bell = Bell()
    watcher = Watcher(str(directory), bell.ring, inotify=inotify, poll_every=0.05)
    watcher.start()
    try:
        yield watcher, bell
    finally:
        watcher.stop()


@pytest.fixture(params=["inotify", "polling"])
def inotify(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "inotify")


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    directory = tmp_path / "etc" / "policies"
    directory.mkdir(parents=True)
    (directory / "a.yaml").write_text("version: 1\n")
    (directory / "b.yaml").write_text("version: 1\n")
    return directory


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


def settled(bell: Bell) -> int:
    """Return the count of wake-ups once none has come for a while."""
    while bell.rang_after(bell.count, within=0.15):
        pass
    return bell.count


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


def test_watcher_directory_is_a_link_swapped_wakes(tmp_path: Path, inotify: bool) -> None:
    for name in ("blue", "green"):
        (tmp_path / name).mkdir()
    link = tmp_path / "policies"
    link.symlink_to("blue")
    with watching(link, inotify=inotify) as (_, bell):
        (tmp_path / "next").symlink_to("green")
        os.rename(tmp_path / "next", link)
        assert bell.rang_after(0)
        before = settled(bell)
        (tmp_path / "green" / "a.yaml").write_text("version: 1\n")
        assert bell.rang_after(before)
        before = settled(bell)
        (tmp_path / "blue" / "a.yaml").write_text("no longer ours\n")
        assert not bell.rang_after(before, within=0.2)


def test_watcher_link_above_swapped_wakes(tmp_path: Path, inotify: bool) -> None:
    for name in ("blue", "green"):
        (tmp_path / name / "policies").mkdir(parents=True)
    (tmp_path / "current").symlink_to(tmp_path / "blue")
    with watching(tmp_path / "current" / "policies", inotify=inotify) as (_, bell):
        (tmp_path / "next").symlink_to(tmp_path / "green")
        os.rename(tmp_path / "next", tmp_path / "current")
        assert bell.rang_after(0)
        before = settled(bell)
        (tmp_path / "green" / "policies" / "a.yaml").write_text("version: 1\n")
        assert bell.rang_after(before)


def test_watcher_data_link_of_kubernetes_swapped_wakes(tmp_path: Path, inotify: bool) -> None:
    policies = tmp_path / "policies"
    for stamp in ("..1", "..2"):
        (policies / stamp).mkdir(parents=True)
        (policies / stamp / "a.yaml").write_text(f"version: 1 # {stamp}\n")
    (policies / "..data").symlink_to("..1")
    (policies / "a.yaml").symlink_to("..data/a.yaml")
    with watching(policies, inotify=inotify) as (watcher, bell):
        (policies / "..data_tmp").symlink_to("..2")
        os.rename(policies / "..data_tmp", policies / "..data")
        assert bell.rang_after(0)
        before = settled(bell)
        watcher.rearm()
        (policies / "..2" / "a.yaml").write_text("version: 1 # edited in place\n")
        assert bell.rang_after(before)


def edit_target(target: Path) -> None:
    target.write_text("version: 1 # edited\n")


def replace_target(target: Path) -> None:
    target.with_suffix(".tmp").write_text("version: 1 # edited\n")
    os.rename(target.with_suffix(".tmp"), target)


def replace_directory_of_target(target: Path) -> None:
    os.rename(target.parent, target.parent.with_name("former"))


@pytest.mark.parametrize("change", [edit_target, replace_target, replace_directory_of_target, Path.unlink])
def test_watcher_target_of_a_link_changes_wakes(
    policies: Path, tmp_path: Path, inotify: bool, change: Callable[[Path], None]
) -> None:
    target = tmp_path / "shared" / "common.yaml"
    target.parent.mkdir()
    target.write_text("version: 1\n")
    (policies / "common.yaml").symlink_to(target)
    with watching(policies, inotify=inotify) as (_, bell):
        change(target)
        assert bell.rang_after(0)


def test_watcher_dangling_link_gets_its_target_wakes(policies: Path, tmp_path: Path, inotify: bool) -> None:
    (policies / "common.yaml").symlink_to(tmp_path / "common.yaml")
    with watching(policies, inotify=inotify) as (_, bell):
        (tmp_path / "common.yaml").write_text("version: 1\n")
        assert bell.rang_after(0)


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


def test_watcher_overflow_of_the_kernel_queue_wakes(policies: Path) -> None:
    limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    neighbours = [policies.parent / name for name in ("x", "y")]
    for neighbour in neighbours:
        neighbour.write_text("")
    go_on, counted = threading.Event(), Bell()

    def wake() -> None:
        counted.ring()
        go_on.wait(30)

    watcher = Watcher(str(policies), wake)
    watcher.start()
    try:
        os.utime(policies / "b.yaml")
        assert counted.rang_after(0)
        # The reader is held up. Events that do not matter fill the queue; the one that matters no longer fits.
        for number in range(limit + 1):
            os.utime(neighbours[number % 2])
        (policies / "a.yaml").unlink()
        go_on.set()
        assert counted.rang_after(1, within=5)
        before = settled(counted)
        (policies / "c.yaml").write_text("version: 1\n")
        assert counted.rang_after(before)
    finally:
        go_on.set()
        watcher.stop()


def test_watcher_stopped_gives_everything_back(policies: Path, inotify: bool) -> None:
    descriptors, threads = len(os.listdir("/proc/self/fd")), threading.active_count()
    for _ in range(20):
        with watching(policies, inotify=inotify) as (watcher, bell):
            pass
        assert watcher.mode is Mode.STOPPED
    (policies / "c.yaml").write_text("version: 1\n")
    assert not bell.rang_after(0, within=0.1)
    assert (len(os.listdir("/proc/self/fd")), threading.active_count()) == (descriptors, threads)


IN_A_NAMESPACE_OF_ITS_OWN = """
import os, sys, threading
from agent.host.watch import Watcher

def limit(what, number):
    with open(f"/proc/sys/user/max_inotify_{what}", "w") as file:
        file.write(str(number))

def used_watches():
    count = 0
    for name in os.listdir("/proc/self/fdinfo"):
        try:
            with open(f"/proc/self/fdinfo/{name}") as file:
                count += file.read().count("inotify wd:")
        except FileNotFoundError:
            pass  # the descriptor of the listing itself
    return count

directory, case = sys.argv[1:]
woken = threading.Event()
watcher = Watcher(directory, woken.set, poll_every=0.05, retry_every=0.3)

def wait():
    result = woken.wait(5)
    woken.clear()
    return result

if case == "watches":
    limit("watches", 2)
elif case == "instances":
    limit("instances", 0)
watcher.start()
print(watcher.mode, watcher.reason)
if case == "later":
    limit("watches", used_watches())
    os.rename(directory, directory + ".former")
    os.mkdir(directory)
    print(wait(), watcher.mode, watcher.reason)
open(directory + "/c.yaml", "w").close()
print(wait(), watcher.mode)
limit("watches", 1000)
limit("instances", 100)
while watcher.mode != "inotify":
    assert wait()
open(directory + "/d.yaml", "w").close()
print(wait(), watcher.mode, watcher.reason)
watcher.stop()
"""


@pytest.mark.root
@pytest.mark.parametrize(
    ("case", "knob"), [("watches", "max_user_watches"), ("instances", "max_user_instances"), ("later", "")]
)
def test_watcher_limits_exhausted_polls_until_there_is_room(policies: Path, case: str, knob: str) -> None:
    argv = ["unshare", "--user", "--map-root-user", sys.executable, "-c", IN_A_NAMESPACE_OF_ITS_OWN]
    result = subprocess.run([*argv, str(policies), case], capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stderr
    first, *rest = result.stdout.splitlines()
    if knob:
        assert first.startswith("polling ")
        assert knob in first
    else:
        assert first == "inotify "
        assert rest.pop(0).startswith("True polling the host has no inotify watch to spare")
    assert rest == ["True polling", "True inotify "]


def test_debounce_burst_settles_after_its_last_event() -> None:
    debounce = Debounce(quiet=0.25, at_most=2.0)
    assert debounce.due() is None
    assert not debounce.settled(0.0)
    for instant in (10.0, 10.1, 10.3):
        debounce.event(instant)
    assert debounce.due() == pytest.approx(10.55)
    assert not debounce.settled(10.5)
    assert debounce.settled(10.56)
    assert not debounce.settled(99.0)


def test_debounce_endless_burst_settles_at_most_after() -> None:
    debounce = Debounce(quiet=0.25, at_most=1.0)
    for tenth in range(100, 120):
        debounce.event(tenth / 10)
    assert debounce.due() == pytest.approx(11.0)


def test_way_follows_links_and_parents_like_the_kernel(tmp_path: Path) -> None:
    (tmp_path / "real" / "inner").mkdir(parents=True)
    (tmp_path / "real" / "beside").mkdir()
    (tmp_path / "link").symlink_to("real/inner")
    way = Walker().way(f"{tmp_path}/link/../beside")
    assert way.places[-1].path == str(tmp_path / "real" / "beside")
    assert str(tmp_path / "link") in {place.path for place in way.places}


def test_way_loop_of_links_is_missing(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    assert Walker().way(str(tmp_path / "a")).missing


@pytest.mark.parametrize(("kind", "expected"), [("ext4", ""), ("nfs4", "nfs4"), ("fuse.sshfs", "fuse.sshfs")])
def test_shared_filesystem_by_type_is_named(tmp_path: Path, kind: str, expected: str) -> None:
    device = os.stat(tmp_path).st_dev
    mountinfo = tmp_path / "mountinfo"
    mountinfo.write_text(f"30 1 {os.major(device)}:{os.minor(device)} / / rw shared:1 - {kind} /dev/x rw\n")
    assert shared_filesystem(str(tmp_path / "missing" / "too"), str(mountinfo)) == expected
