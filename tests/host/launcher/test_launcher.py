"""Run processes and their launcher, each doing its part."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from agent.host import proc
from tests.host.daemons import Daemon, nothing_is_left, run_process, start_nasty
from tests.host.leftovers import until


def test_start_gives_a_session_its_own_lowered_and_without_input(daemon: Daemon, kind: str, tmp_path: Path) -> None:
    report = tmp_path / "report"
    body = f"""
deadline = time.monotonic() + 10
ionice = ""
while ionice != "idle" and time.monotonic() < deadline:
    ionice = subprocess.run(["ionice", "-p", str(os.getpid())], capture_output=True, text=True).stdout.strip()
with open("/proc/self/cgroup") as file:
    group = file.read().strip().rsplit("/", 1)[1]
with open({str(report)!r}, "w") as file:
    print(os.getsid(0) == os.getpid(), os.readlink("/proc/self/fd/0"), os.nice(0), ionice, group, file=file)
sys.exit(5)
"""
    pid, started = daemon("start", run=7, argv=run_process(body))
    assert started > 0
    assert daemon("wait", run=7, seconds=30) == daemon.told(5)
    session, standard_input, nice, ionice, *group = report.read_text().split()
    assert (session, standard_input, nice, ionice) == ("True", "/dev/null", "3", "idle")
    assert bool(group) == (kind != "descent")
    if group:
        assert group[0].startswith("hostkeeper-run-")
        assert group[0].removesuffix(".service").endswith("-7")
    daemon("close", run=7)
    until(lambda: not Path(f"/proc/{pid}").exists())


def test_start_of_nothing_says_so(daemon: Daemon) -> None:
    answer = daemon("start", run=4, argv=["/no/such/program"])
    assert answer["error"].startswith("cannot start the process of run 4, attempt 1: ")
    assert "No such file" in answer["error"]


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
    assert daemon("wait", run=1, seconds=10) == daemon.told(0)
    daemon("close", run=1)
    assert report.read_text() == "asked, child lives: True\n"


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
    until(lambda: [bool(proc.look(pid)) for pid in pids] == [False, True, True])
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


@pytest.mark.parametrize("kind", ["cgroup", "descent"], indirect=True)  # the orphans of units are systemd's to bury
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


def test_many_runs_give_descriptors_and_processes_back(daemon: Daemon, kind: str) -> None:
    daemon("start_and_end", runs=1, argv=["true"])
    before = daemon("descriptors")
    daemon("start_and_end", runs=20 if kind == "systemd" else 200, argv=["true"])
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
    assert daemon("use_up_descriptors") > 0
    for started in range(1, run):
        daemon("kill", run=started)
        assert daemon("wait", run=started, seconds=5) == daemon.told(-9)
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
