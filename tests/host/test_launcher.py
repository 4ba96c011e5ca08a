"""Run processes, their launcher, and every way in which the two can lose each other."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.host import proc
from agent.host.cgroup import Cgroups
from agent.host.run_process import EXIT_UNKNOWN

ROOT = Path(__file__).parents[2]
WITHIN = 5.0


def until(condition: Callable[[], Any], within: float = WITHIN) -> Any:
    """Wait for a condition to hold and return what it gave."""
    deadline = time.monotonic() + within
    while not (result := condition()):
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.005)
    return result


def carriers(word: str) -> list[int]:
    """Return the living processes with a word in their environment."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if word.encode() in Path(f"/proc/{pid}/environ").read_bytes():
                found.append(int(pid))
        except OSError:
            continue
    return found


class Daemon:
    """Drives a stand-in for the daemon."""

    def __init__(self, state: Path, kind: str, word: str, unclaimed: float = 0.0) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.host.stand_in", str(state), kind, str(unclaimed)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=ROOT,
            env={**os.environ, "TEST_WORD": word},
            text=True,
        )

    def __call__(self, do: str, **order: object) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"do": do, **order}) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def die(self) -> None:
        self.process.kill()
        self.leave()

    def leave(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


@pytest.fixture
def word() -> Iterator[str]:
    """A word in the environment of whatever a test starts; no process that carries it may outlive the test."""
    text = uuid.uuid4().hex
    yield text
    left = carriers(text)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert left == []


@pytest.fixture(params=["cgroup", "descent"])
def kind(request: pytest.FixtureRequest) -> str:
    groups = Cgroups.discover()
    group = groups.make(f"hostkeeper-test-{os.getpid()}") if groups else None
    if request.param == "cgroup" and not (group and group.remove()):
        pytest.skip("no cgroup 2 that this user may make groups in")
    return str(request.param)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    directory = tmp_path / "state"
    directory.mkdir(mode=0o700)
    return directory


@pytest.fixture
def daemon(state: Path, kind: str, word: str) -> Iterator[Daemon]:
    one = Daemon(state, kind, word)
    yield one
    one.leave()


@pytest.fixture(autouse=True)
def no_group_left(state: Path) -> Iterator[None]:
    yield
    identity = os.stat(state)
    groups = Cgroups.discover()
    if groups is not None:
        mine = f"{identity.st_dev:x}-{identity.st_ino:x}"
        assert [name for name in os.listdir(groups.base) if mine in name] == []


def nothing_is_left(daemon: Daemon, word: str) -> None:
    assert carriers(word) == [daemon.process.pid]
    # Zombies that the run itself had not waited for come to the daemon with the run's end.
    daemon("reap")
    assert daemon("child_ids") == []


def run_process(body: str) -> list[str]:
    """Return the argument list of a run process that begins as a real one does."""
    code = "import os, signal, subprocess, sys, time\nfrom agent.host.launcher import enter_run\nenter_run()\n" + body
    return [sys.executable, "-c", code]


NASTY = """
ready = sys.argv[1]
signal.signal(signal.SIGTERM, signal.SIG_IGN)
quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
for script in (
    "trap '' TERM; while :; do sleep 1; done",
    "setsid sh -c 'setsid sleep 1000 & sleep 1000' &",
    "kill -STOP $$",
    "(setsid sh -c 'trap \\"\\" TERM; setsid sleep 1000 & wait' &)",
):
    subprocess.Popen(["sh", "-c", script], **quiet)
time.sleep(0.2)
open(ready, "w").close()
time.sleep(1000)
"""

CLEANED = """
ready = sys.argv[1]
script = "/bin/sleep 1000 & /bin/sleep 99"
subprocess.Popen(["env", "-i", "LEFT_BEHIND=" + sys.argv[2], "setsid", "/bin/sh", "-c", script])
time.sleep(0.2)
open(ready, "w").close()
time.sleep(1000)
"""


def start_nasty(daemon: Daemon, run: int, tmp_path: Path, word: str) -> tuple[int, float]:
    ready = tmp_path / f"ready-{run}"
    pid, started = daemon("start", run=run, argv=[*run_process(NASTY), str(ready)])
    until(ready.exists)
    assert len(carriers(word)) > 6
    return pid, started


def test_start_gives_a_session_its_own_lowered_and_without_input(daemon: Daemon, kind: str, tmp_path: Path) -> None:
    report = tmp_path / "report"
    body = f"""
ionice = subprocess.run(["ionice", "-p", str(os.getpid())], capture_output=True, text=True).stdout.strip()
with open("/proc/self/cgroup") as file:
    group = file.read().strip().rsplit("/", 1)[1]
with open({str(report)!r}, "w") as file:
    print(os.getsid(0) == os.getpid(), os.readlink("/proc/self/fd/0"), os.nice(0), ionice, group, file=file)
sys.exit(5)
"""
    pid, started = daemon("start", run=7, argv=run_process(body))
    assert started > 0
    assert daemon("wait", run=7, seconds=10) == 5
    session, standard_input, nice, ionice, *group = report.read_text().split()
    assert (session, standard_input, nice, ionice) == ("True", "/dev/null", str(os.nice(0) + 3), "idle")
    assert bool(group) == (kind == "cgroup")
    if group:
        assert group[0].startswith("hostkeeper-run-")
        assert group[0].endswith("-7")
    daemon("close", run=7)
    assert not Path(f"/proc/{pid}").exists()


def test_start_of_nothing_says_so(daemon: Daemon) -> None:
    answer = daemon("start", run=4, argv=["/no/such/program"])
    assert answer["error"].startswith("cannot start the process of run 4, attempt 1: No such file")


def test_terminate_reaches_the_run_process_alone(daemon: Daemon, tmp_path: Path) -> None:
    report = tmp_path / "report"
    body = f"""
child = subprocess.Popen(["sleep", "1000"])
def asked(*_):
    child_lives = child.poll() is None
    child.kill()
    with open({str(report)!r}, "a") as file:
        print("asked, child lives:", child_lives, file=file)
    sys.exit(0)
signal.signal(signal.SIGTERM, asked)
open({str(report)!r}, "w").close()
time.sleep(1000)
"""
    daemon("start", run=1, argv=run_process(body))
    until(report.exists)
    daemon("terminate", run=1)
    assert daemon("wait", run=1, seconds=10) == 0
    daemon("close", run=1)
    assert report.read_text() == "asked, child lives: True\n"


def test_kill_leaves_no_descendant(daemon: Daemon, tmp_path: Path, word: str) -> None:
    start_nasty(daemon, 1, tmp_path, word)
    daemon("kill", run=1)
    assert daemon("wait", run=1, seconds=5) == -9
    daemon("close", run=1)
    nothing_is_left(daemon, word)


def test_kill_leaves_no_descendant_with_a_clean_environment(daemon: Daemon, tmp_path: Path, word: str) -> None:
    ready = tmp_path / "ready"
    daemon("start", run=1, argv=[*run_process(CLEANED), str(ready), word])
    until(ready.exists)
    daemon("kill", run=1)
    daemon("close", run=1)
    nothing_is_left(daemon, word)


def test_close_after_the_run_was_killed_leaves_nothing(daemon: Daemon, tmp_path: Path, word: str) -> None:
    pid, _ = start_nasty(daemon, 1, tmp_path, word)
    os.kill(pid, signal.SIGKILL)
    assert daemon("wait", run=1, seconds=5) == -9
    daemon("close", run=1)
    nothing_is_left(daemon, word)


def test_adopt_after_the_daemon_was_killed_watches_and_kills(state: Path, kind: str, tmp_path: Path, word: str) -> None:
    first = Daemon(state, kind, word)
    pid, started = start_nasty(first, 1, tmp_path, word)
    first.die()
    second = Daemon(state, kind, word)
    assert not second("adopt", run=1, pid=pid, started=started + 1)
    assert not second("adopt", run=1, pid=2**22, started=started)
    assert second("adopt", run=1, pid=pid, started=started)
    assert second("wait", run=1, seconds=0.05) is None
    second("kill", run=1)
    assert second("wait", run=1, seconds=5) == EXIT_UNKNOWN
    second("close", run=1)
    assert carriers(word) == [second.process.pid]
    second.leave()


def test_adopt_of_a_run_that_then_dies_is_swept(state: Path, kind: str, tmp_path: Path, word: str) -> None:
    first = Daemon(state, kind, word)
    pid, started = start_nasty(first, 1, tmp_path, word)
    first.die()
    second = Daemon(state, kind, word)
    assert second("adopt", run=1, pid=pid, started=started)
    os.kill(pid, signal.SIGKILL)
    assert second("wait", run=1, seconds=5) == EXIT_UNKNOWN
    second("close", run=1)
    second("sweep", run=1)
    assert carriers(word) == [second.process.pid]
    second.leave()


def test_sweep_after_daemon_and_run_were_killed_leaves_nothing(
    state: Path, kind: str, tmp_path: Path, word: str
) -> None:
    first = Daemon(state, kind, word)
    pid, started = start_nasty(first, 1, tmp_path, word)
    first.die()
    os.kill(pid, signal.SIGKILL)
    until(lambda: proc.same(pid, started) is None)
    second = Daemon(state, kind, word)
    assert not second("adopt", run=1, pid=pid, started=started)
    second("sweep", run=1)
    assert carriers(word) == [second.process.pid]
    second.leave()


def test_sweep_spares_other_runs_and_other_agents(daemon: Daemon, kind: str, tmp_path: Path, word: str) -> None:
    other_state = tmp_path / "other"
    other_state.mkdir()
    other = Daemon(other_state, kind, word)
    sleeper = run_process("time.sleep(1000)")
    pids = [
        daemon("start", run=1, argv=sleeper)[0],
        daemon("start", run=11, argv=sleeper)[0],
        other("start", run=1, argv=sleeper)[0],
    ]
    daemon("sweep", run=2)
    assert all(proc.look(pid) for pid in pids)
    daemon("kill", run=1)
    daemon("close", run=1)
    daemon("sweep", run=1)
    assert [bool(proc.look(pid)) for pid in pids] == [False, True, True]
    for agent, run in ((daemon, 11), (other, 1)):
        agent("kill", run=run)
        agent("wait", run=run, seconds=5)
        agent("close", run=run)
    other.leave()


def test_other_children_keep_their_exit_codes(state: Path, kind: str, word: str) -> None:
    daemon = Daemon(state, kind, word, unclaimed=30.0)
    pid = daemon("start_other", argv=["sh", "-c", "exit 7"])
    until(lambda: (process := proc.look(pid)) and process.dead)
    daemon("start_and_end", runs=3, argv=["true"])
    daemon("reap")
    assert daemon("wait_other") == 7
    daemon.leave()


def test_reap_buries_orphans_that_died_by_themselves(daemon: Daemon, tmp_path: Path) -> None:
    daemon("start", run=1, argv=run_process("time.sleep(1000)"))
    # Leaves an orphan without a marker that ends by itself, as a helper of some library would.
    daemon("start", run=2, argv=["env", "-i", "/bin/sh", "-c", "/bin/sleep 0.2 & exit 0"])
    assert daemon("wait", run=2, seconds=5) == 0
    daemon("close", run=2)
    main = daemon("child_ids")[0]

    def only_the_run_is_left() -> bool:
        daemon("reap")
        return bool(daemon("child_ids") == [main])

    until(only_the_run_is_left)
    daemon("kill", run=1)
    daemon("close", run=1)


def test_many_runs_give_descriptors_and_processes_back(daemon: Daemon) -> None:
    daemon("start_and_end", runs=1, argv=["true"])
    before = daemon("descriptors")
    daemon("start_and_end", runs=200, argv=["true"])
    assert daemon("descriptors") == before
    assert daemon("child_ids") == []


def test_without_descriptors_start_fails_clearly_and_kill_still_works(
    daemon: Daemon, tmp_path: Path, word: str
) -> None:
    start_nasty(daemon, 1, tmp_path, word)
    daemon("limit_descriptors", most=24)
    run, answer = 1, None
    while not isinstance(answer, dict):
        run += 1
        answer = daemon("start", run=run, argv=["sleep", "1000"])
    assert f"cannot start the process of run {run}" in answer["error"]
    assert "Too many open files" in answer["error"]
    for started in range(1, run):
        daemon("kill", run=started)
        assert daemon("wait", run=started, seconds=5) == -9
        daemon("close", run=started)
    daemon("sweep", run=1)
    nothing_is_left(daemon, word)


def test_close_of_a_living_process_lets_it_go(daemon: Daemon) -> None:
    pid, _ = daemon("start", run=1, argv=run_process("time.sleep(1000)"))
    daemon("close", run=1)
    assert proc.look(pid) is not None
    os.kill(pid, signal.SIGKILL)
    until(lambda: (process := proc.look(pid)) is None or process.dead)
    daemon("sweep", run=1)
