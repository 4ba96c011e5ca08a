"""Commands that do not want to end, and what is left of them: nothing."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from agent.host.processes import SystemProcesses
from tests.host.commands import command, never, python
from tests.host.leftovers import carriers, until

pytestmark = pytest.mark.usefixtures("no_child_left")
NOBODY = "nobody"


STUBBORN = {
    "ignores TERM": "trap '' TERM HUP INT; while :; do sleep 1; done",
    "ignores TERM and lies in sleep": "trap '' TERM; exec sleep 1000",
    "stops itself": "kill -STOP $$",
    "stops itself and ignores TERM": "trap '' TERM; while :; do kill -STOP $$; done",
    "double fork with setsid": "trap '' TERM; setsid sh -c 'setsid sleep 1000 & sleep 1000' & wait; sleep 99",
    "clean environment and session": "env -i setsid sh -c 'sleep 1000' & env -i setsid sleep 1000 & sleep 1000",
    "prints endlessly": "trap '' TERM; while :; do echo yes; done",
}


@pytest.mark.parametrize("script", STUBBORN.values(), ids=STUBBORN.keys())
def test_run_stubborn_command_past_its_timeout_leaves_nothing(
    processes: SystemProcesses, word: str, script: str
) -> None:
    begun = time.monotonic()
    completed = processes.run(command("sh", "-c", script, word=word, timeout=0.4, grace=0.2), never)
    assert time.monotonic() - begun < 30
    assert completed.timed_out
    assert completed.code in (-9, -15)
    assert completed.survivors == ()


def test_run_stopped_command_is_woken_to_be_asked(processes: SystemProcesses, word: str) -> None:
    script = "trap 'echo asked; exit 5' TERM; kill -STOP $$; exec sleep 1000"
    completed = processes.run(command("sh", "-c", script, word=word, timeout=0.3, grace=10.0), never)
    assert (completed.code, completed.output) == (5, "asked\n")


LEAVES_BEHIND = {
    "background child that keeps the pipe": "sleep 1000 & echo done",
    "background child that ignores TERM": "(trap '' TERM; while :; do sleep 1; done) & echo done",
    "double fork with setsid": "setsid sh -c 'setsid sleep 1000 & setsid sleep 1000 &' & sleep 0.1; echo done",
    "stopped child": "sh -c 'kill -STOP $$' & sleep 0.1; echo done",
    "clean environment": "env -i setsid /bin/sh -c '/bin/sleep 1000 & /bin/sleep 1000' & sleep 0.1; echo done",
}


@pytest.mark.parametrize("script", LEAVES_BEHIND.values(), ids=LEAVES_BEHIND.keys())
def test_run_command_that_leaves_processes_ends_them_and_counts_as_success(
    processes: SystemProcesses, word: str, script: str
) -> None:
    begun = time.monotonic()
    completed = processes.run(command("sh", "-c", script, word=word), never)
    assert time.monotonic() - begun < 30
    assert (completed.code, completed.output) == (0, "done\n")
    assert completed.survivors == ()


MANY = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
for number in range(200):
    if os.fork() == 0:
        if number % 3 == 0:
            os.setsid()
        if number % 5 == 0 and os.fork():
            os._exit(0)
        time.sleep(1000)
print("forked", flush=True)
"""


@pytest.mark.parametrize("ending", ["time.sleep(1000)", "pass"])
def test_run_two_hundred_children_leaves_none(processes: SystemProcesses, word: str, ending: str) -> None:
    completed = processes.run(command(*python(MANY + ending), word=word, timeout=2.0, grace=0.2), never)
    assert completed.output == "forked\n"
    assert completed.survivors == ()


RUNAWAY = """
import os, time
deadline = time.monotonic() + 60
while time.monotonic() < deadline:
    if os.fork():
        os._exit(0)
    os.setsid()
    time.sleep(0.002)
"""


def test_run_process_that_flees_by_forking_is_caught(processes: SystemProcesses, word: str) -> None:
    completed = processes.run(command(*python(RUNAWAY), word=word), never)
    assert completed.code == 0
    assert completed.survivors == ()


def test_run_own_other_children_are_spared(processes: SystemProcesses) -> None:
    with subprocess.Popen(["sleep", "1000"]) as other:
        processes.run(command("sh", "-c", "setsid sleep 1000 & true"), never)
        assert other.poll() is None
        other.kill()


FREEZER = Path("/sys/fs/cgroup/freezer")


@pytest.mark.root
def test_run_process_that_even_a_kill_does_not_end_is_reported(kind: str, word: str) -> None:
    """A hung mount does this to a process; the freezer of cgroup 1 does it as well, and can be undone."""
    if not (FREEZER / "tasks").exists():
        pytest.skip("no freezer of cgroup 1, which can make a process unkillable")
    freezer = FREEZER / f"hostkeeper-test-{os.getpid()}"
    freezer.mkdir()
    frozen: list[int] = []

    def stop() -> bool:
        pids = carriers(word)
        if pids and not frozen:
            frozen.extend(pids)
            (freezer / "tasks").write_text(str(frozen[0]))
            (freezer / "freezer.state").write_text("FROZEN")
        return bool(frozen)

    processes = SystemProcesses(cgroups=kind == "cgroup", patience=0.3)
    try:
        begun = time.monotonic()
        completed = processes.run(command("sleep", "1000", word=word, grace=0.1), stop)
        assert time.monotonic() - begun < 30
        assert completed.stopped
        assert completed.survivors == tuple(frozen)
        assert processes.run(command("echo", "others go on"), never).output == "others go on\n"
    finally:
        (freezer / "freezer.state").write_text("THAWED")
        for pid in frozen:
            os.waitpid(pid, 0)
        until(lambda: (freezer / "tasks").read_text() == "")
        freezer.rmdir()
