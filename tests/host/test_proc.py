"""Processes as /proc shows them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.host import proc

PRETENDER = (
    "import ctypes, time; ctypes.CDLL(None).prctl(15, b'x) Z 1 (y', 0, 0, 0); print(flush=True); time.sleep(1000)"
)


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "1000"], env={"WORD": "here", "WORDS": "there"}) as process:
        yield process
        process.kill()


def test_look_at_a_process_tells_who_it_is(sleeper: subprocess.Popen[bytes]) -> None:
    process = proc.look(sleeper.pid)
    assert process is not None
    assert (process.pid, process.parent, process.session) == (sleeper.pid, os.getpid(), os.getsid(0))
    age = time.clock_gettime(time.CLOCK_BOOTTIME) - process.started / os.sysconf("SC_CLK_TCK")
    assert -0.1 < age < 10
    assert not process.dead
    assert proc.started_ticks(sleeper.pid) == process.started


def test_look_at_a_name_made_to_confuse_reads_the_true_fields() -> None:
    with subprocess.Popen([sys.executable, "-c", PRETENDER], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        seen = proc.look(process.pid)
        process.kill()
    assert b"(x) Z 1 (y)" not in Path("/proc/self/stat").read_bytes()
    assert seen is not None
    assert (seen.parent, seen.dead) == (os.getpid(), False)


def test_same_needs_the_start_time_and_a_living_process(sleeper: subprocess.Popen[bytes]) -> None:
    started = proc.started_ticks(sleeper.pid)
    assert proc.same(sleeper.pid, started) is not None
    assert proc.same(sleeper.pid, started + 1) is None
    os.kill(sleeper.pid, signal.SIGKILL)
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)
    zombie = proc.look(sleeper.pid)
    assert zombie is not None
    assert zombie.dead
    assert proc.same(sleeper.pid, started) is None
    sleeper.wait()
    assert proc.look(sleeper.pid) is None
    with pytest.raises(ProcessLookupError):
        proc.started_ticks(sleeper.pid)


def test_descendants_are_found_in_any_depth() -> None:
    script = "sleep 1000 & sh -c 'sleep 1000 & echo; wait'"
    with subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        found = proc.descendants([process.pid])
        os.killpg(process.pid, signal.SIGKILL)
    assert len(found) == 4
    assert found[0].pid == process.pid


def test_marked_finds_the_exact_value_alone(sleeper: subprocess.Popen[bytes]) -> None:
    assert [process.pid for process in proc.marked("WORD", "here")] == [sleeper.pid]
    assert proc.marked("WORD", "her") == []
    assert proc.marked("ORD", "here") == []
    assert not proc.carries(2**22, "WORD", "here")


def test_marked_spares_this_process_and_its_parents() -> None:
    code = """
import os, subprocess
from agent.host import proc
print(len(proc.marked("WORD", "mine")), sorted(proc.ancestors())[:1])
"""
    outer = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {code!r}], check=True)"
    environment = {**os.environ, "WORD": "mine"}
    argv = [sys.executable, "-c", outer]
    result = subprocess.run(argv, env=environment, capture_output=True, text=True, check=True)
    assert result.stdout == "0 [1]\n"


def test_send_to_another_process_of_the_same_id_is_not_sent(sleeper: subprocess.Popen[bytes]) -> None:
    process = proc.look(sleeper.pid)
    assert process is not None
    other = proc.Process(process.pid, process.parent, process.session, process.state, process.started + 1)
    proc.send(other, signal.SIGKILL)
    assert sleeper.poll() is None
    proc.send(process, signal.SIGKILL)
    assert sleeper.wait(5) == -9


def test_end_returns_what_it_could_not_end(sleeper: subprocess.Popen[bytes]) -> None:
    init = proc.look(1)
    assert init is not None
    unkillable = [process for process in (proc.look(2),) if process is not None and process.parent == 0]
    if not unkillable:
        pytest.skip("no kernel thread in sight")
    assert proc.end(lambda: unkillable, 0.05) == tuple(unkillable)
    living = proc.look(sleeper.pid)
    assert living is not None
    assert proc.end(lambda: [living], 5.0, keep=(sleeper.pid,)) == ()
    assert sleeper.wait() == -9
