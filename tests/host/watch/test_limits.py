"""The watcher where the kernel runs out of what it needs."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from agent.host.watch import Watcher
from tests.host.watch.bell import Bell, settled


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


IN_A_NAMESPACE_OF_ITS_OWN = """
import os, sys, threading
from agent.host.watch import Watcher

def limit(what, number):
    with open(f"/proc/sys/user/max_inotify_{what}", "w") as file:
        file.write(str(number))

directory, case = sys.argv[1:]
woken = threading.Event()
watcher = Watcher(directory, woken.set, poll_every=0.05, retry_every=0.3)

def wait():
    result = woken.wait(5)
    woken.clear()
    return result

def wait_until_quiet():
    while woken.wait(0.3):
        woken.clear()

if case == "watches":
    limit("watches", 2)
elif case == "instances":
    limit("instances", 0)
watcher.start()
print(watcher.mode, watcher.reason)
if case == "later":
    limit("watches", 1)
    os.rename(directory, directory + ".former")
    os.mkdir(directory)
    while watcher.mode != "polling":
        assert wait()
    wait_until_quiet()
    print(watcher.mode, watcher.reason)
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
        assert rest.pop(0).startswith("polling the host has no inotify watch to spare")
    assert rest == ["True polling", "True inotify "]
