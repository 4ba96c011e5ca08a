from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

REACH = "import sys; from agent.failpoints import reach; [reach(p) for p in sys.argv[1:]]; print('alive')"


def reach(*points: str, role: str = "", armed: str = "", log: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Reach points in a process of that role; return how it ended."""
    code = f"import sys; sys.argv[1:1] = ['agent']; {REACH}" if role == "daemon" else REACH
    return subprocess.run(
        [sys.executable, "-c", code.replace("sys.argv[1:]]", "sys.argv[2:]]") if role else code, *points],
        env={**os.environ, "HOSTKEEPER_FAILPOINT": armed, "HOSTKEEPER_FAILPOINT_LOG": str(log or "")},
        capture_output=True,
        text=True,
        check=False,
    )


def test_reach_with_nothing_armed_does_nothing() -> None:
    assert reach("commit:before", "no such point").stdout == "alive\n"


@pytest.mark.parametrize(
    ("armed", "role", "dies"),
    [
        ("commit:before", "", True),
        ("commit:before#2", "", True),
        ("commit:before#3", "", False),
        ("commit:after", "", False),
        ("*#3", "", True),
        ("*#4", "", False),
        ("command/commit:before", "", True),
        ("daemon/commit:before", "", False),
        ("daemon/commit:before", "daemon", True),
        ("daemon/*#3", "daemon", True),
        ("run/commit:before", "daemon", False),
        ("commit:after,commit:before#2", "", True),
    ],
)
def test_reach_of_an_armed_point_kills(armed: str, role: str, dies: bool) -> None:
    done = reach("commit:before", "run.create:before", "commit:before", role=role, armed=armed)
    assert (done.returncode == -signal.SIGKILL) is dies, done.stderr
    assert (done.stdout == "") is dies


def test_reach_of_an_unlisted_point_with_something_armed_is_an_error() -> None:
    done = reach("no such point", armed="commit:before")
    assert "LookupError" in done.stderr


def test_reach_counts_over_all_processes_of_a_log_and_kills_once(tmp_path: Path) -> None:
    log = tmp_path / "log"
    codes = [reach("commit:before", armed="commit:before#2", log=log).returncode for _ in range(4)]
    assert codes == [0, -signal.SIGKILL, 0, 0]
    assert [line.split()[0] for line in log.read_text().splitlines()] == ["command/commit:before"] * 4


def test_reach_may_halt_instead_of_killing(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", REACH, "commit:before"],
        env={**os.environ, "HOSTKEEPER_FAILPOINT": "commit:before", "HOSTKEEPER_FAILPOINT_SIGNAL": "STOP"},
        stdout=subprocess.PIPE,
    )
    try:
        _, status = os.waitpid(process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        process.send_signal(signal.SIGCONT)
        assert process.communicate(timeout=30)[0] == b"alive\n"
    finally:
        process.kill()
        process.wait()
