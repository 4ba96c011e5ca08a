"""Control groups: finding them wherever they are mounted, and ending them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from agent.host.cgroup import Cgroup, Cgroups

V1 = "29 25 0:26 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"


def mount(root: str, at: str) -> str:
    return f"35 25 0:30 {root} {at} rw,nosuid shared:9 - cgroup2 cgroup2 rw\n"


@pytest.mark.parametrize(
    ("own", "mountinfo", "base"),
    [
        ("0::/system.slice/hk.service\n", mount("/", "/sys/fs/cgroup"), "/sys/fs/cgroup/system.slice/hk.service"),
        ("4:memory:/x\n0::/\n", V1 + mount("/", "/sys/fs/cgroup/unified"), "/sys/fs/cgroup/unified"),
        ("0::/docker/abc/x\n", mount("/docker/abc", "/sys/fs/cgroup"), "/sys/fs/cgroup/x"),
        ("0::/docker/abc\n", mount("/docker/abc", "/sys/fs/cgroup"), "/sys/fs/cgroup"),
        ("0::/docker/abcd\n", mount("/docker/abc", "/sys/fs/cgroup"), None),
        ("0::/\n", V1, None),
        ("4:memory:/x\n", mount("/", "/sys/fs/cgroup"), None),
    ],
)
def test_discover_by_mounts_and_own_group(tmp_path: Path, own: str, mountinfo: str, base: str | None) -> None:
    (tmp_path / "cgroup").write_text(own)
    (tmp_path / "mountinfo").write_text(mountinfo)
    found = Cgroups.discover(str(tmp_path))
    assert (found.base if found else None) == base


def test_discover_without_proc_is_none(tmp_path: Path) -> None:
    assert Cgroups.discover(str(tmp_path / "missing")) is None


def test_make_where_no_group_can_be_ended_is_none(tmp_path: Path) -> None:
    assert Cgroups(str(tmp_path)).make("group") is None
    assert list(tmp_path.iterdir()) == []
    assert Cgroups(str(tmp_path / "missing")).make("group") is None


@pytest.mark.root
def test_kill_ends_a_group_with_groups_below_it() -> None:
    groups = Cgroups.discover()
    group = groups.make(f"hostkeeper-test-{os.getpid()}") if groups else None
    if group is None:
        pytest.skip("no cgroup 2 that this user may make groups in")
    below = Path(group.path) / "below"
    below.mkdir()
    processes = [subprocess.Popen(["sleep", "1000"]) for _ in range(2)]
    for process, directory in zip(processes, (group.path, str(below)), strict=True):
        (Path(directory) / "cgroup.procs").write_text(str(process.pid))
    assert group.pids() == [processes[0].pid]
    assert sorted(group.pids(below=True)) == sorted(process.pid for process in processes)
    assert not group.remove()
    group.kill()
    assert [process.wait(5) for process in processes] == [-9, -9]
    assert group.remove()
    assert not group.exists()
    group.kill()
    assert group.pids(below=True) == []
    assert group.remove()


@pytest.mark.root
def test_kill_of_a_group_that_goes_meanwhile_is_no_error() -> None:
    groups = Cgroups.discover()
    group = groups.make(f"hostkeeper-test-{os.getpid()}") if groups else None
    if group is None:
        pytest.skip("no cgroup 2 that this user may make groups in")
    code = """
import os, sys
while True:
    os.path.isdir(sys.argv[1]) or os.mkdir(sys.argv[1])
    os.rmdir(sys.argv[1])
"""
    coming_and_going = subprocess.Popen([sys.executable, "-I", "-S", "-c", code, group.path])
    try:
        for _ in range(20_000):
            group.kill()
    finally:
        coming_and_going.kill()
        coming_and_going.wait()
        group.remove()


def test_a_group_that_does_not_exist_is_empty() -> None:
    group = Cgroup("/sys/fs/cgroup/no-such-group")
    assert (group.exists(), group.pids(), group.remove()) == (False, [], True)
