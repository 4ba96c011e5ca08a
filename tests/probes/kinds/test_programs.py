"""Programs, files and processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from agent.host import proc
from agent.model.signals import Sample
from tests.probes.kinds.measuring import Asked

PROMETHEUS = 'jobs{queue="mail"} 3\njobs{queue="web"} 4\nlast_run_seconds 1.5e3\n'


def shell(script: str) -> list[str]:
    return ["sh", "-c", script]


@pytest.mark.parametrize(
    ("script", "reads", "values", "wrong"),
    [
        ("exit 0", "exit_code", {"exit_code": 0}, ""),
        ("echo many; exit 3", "exit_code", {"exit_code": 3}, "exit code 3: many"),
        ("exit 3", "exit_code", {"exit_code": 3}, "exit code 3"),
        ("echo why >&2; exit 1", "number", {"exit_code": 1}, "exit code 1: why"),
        ("kill -9 $$", "number", {}, "ended by signal 9"),
        ("echo ' 42.5 '", "number", {"exit_code": 0, "value": 42.5}, ""),
        ("echo NaN", "number", {"exit_code": 0}, ""),
        ("echo inf", "number", {"exit_code": 0}, "no number that can be compared"),
        ("true", "number", {"exit_code": 0}, "0 words"),
        ("echo 1 2", "number", {"exit_code": 0}, "2 words"),
        ("printf '\\377'", "number", {"exit_code": 0}, "cannot be used"),
        ("printf 'a 1'", "prometheus", {"exit_code": 0}, "the last line has no end"),
        ("echo 'a 1'", "prometheus", {"exit_code": 0, "a": 1}, ""),
        ("yes | head -c 3000000", "prometheus", {}, "more than"),
    ],
)
def test_command_gives_what_is_read_of_it(
    script: str, reads: str, values: dict[str, float], wrong: str, tmp_path: Path
) -> None:
    found, error = Asked(tmp_path, "command", {"argv": shell(script), "reads": reads}, 20.0).measure()
    assert wrong in error
    assert bool(error) == bool(wrong)
    assert not error.endswith(": ")
    assert found.pop("duration_seconds") > 0
    assert found == {"up": float(not wrong), **values}


def test_command_that_does_not_exist_is_an_error_that_says_nothing_of_it(tmp_path: Path) -> None:
    found, error = Asked(tmp_path, "command", {"argv": ["/nonexistent/program"]}).measure()
    assert "/nonexistent/program" in error
    assert found.keys() == {"duration_seconds"}


def test_command_past_its_timeout_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    script = "trap '' TERM; setsid sleep 987 & sleep 986"
    found, error = Asked(tmp_path, "command", {"argv": shell(script)}, 0.5).measure()
    assert error == "no end within 0.5 s"
    assert found["up"] == 0
    mine = [process for process in proc.descendants(proc.children(os.getpid())) if not process.dead]
    assert not [
        process for process in mine if Path(f"/proc/{process.pid}/cmdline").read_bytes().startswith(b"sleep\x0098")
    ]


def test_command_gets_its_environment_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "1")
    settings = {"argv": shell('test "$SITE" = shop -a -z "$SECRET" -a "$PWD" = /'), "environment": {"SITE": "shop"}}
    assert Asked(tmp_path, "command", settings).measure()[1] == ""


def test_textfile_gives_samples_with_their_labels_and_its_age(tmp_path: Path) -> None:
    path = tmp_path / "metrics.prom"
    path.write_text(PROMETHEUS)
    os.utime(path, (time.time() - 60, time.time() - 60))
    found = Asked(tmp_path, "textfile", {"path": str(path), "max_age": "15m"}).measured()
    assert found.error == ""
    assert Sample("jobs", (("queue", "mail"),), 3.0) in found.samples
    (age,) = (one.value for one in found.samples if one.signal == "age_seconds")
    assert 60 <= age < 120


@pytest.mark.parametrize(
    ("text", "written", "wrong"),
    [
        (PROMETHEUS[:-1], 0, "the last line has no end"),
        (PROMETHEUS[:30], 0, ""),
        (PROMETHEUS, -3600, "was last written 36"),
        (PROMETHEUS, 3600, "from the future"),
        ("x" * (2 << 20), 0, "more than"),
        ("\0\1\2\n", 0, "no name"),
    ],
    ids=["cut", "half", "old", "future", "large", "binary"],
)
def test_textfile_that_is_not_to_be_trusted_gives_no_number(
    text: str, written: float, wrong: str, tmp_path: Path
) -> None:
    path = tmp_path / "metrics.prom"
    path.write_text(text)
    os.utime(path, (time.time() + written, time.time() + written))
    found, error = Asked(tmp_path, "textfile", {"path": str(path), "max_age": "15m"}).measure()
    assert error
    assert wrong in error
    assert found.pop("up") == 0
    assert found.keys() <= {"duration_seconds", "age_seconds"}


def test_textfile_that_is_missing_or_a_pipe_is_down(tmp_path: Path) -> None:
    asked = Asked(tmp_path, "textfile", {"path": str(tmp_path / "metrics.prom")})
    assert asked.measure()[1].startswith("there is no")
    os.mkfifo(tmp_path / "metrics.prom")
    found, error = asked.measure()
    assert "is no file" in error
    assert found["up"] == 0


@pytest.fixture
def sleeper() -> Any:
    """A process with a command line of its own."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", "hostkeeper probe me"])
    yield process
    process.kill()
    process.wait()


def test_process_is_found_by_its_command_line_and_its_pid_file(
    sleeper: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    (tmp_path / "it.pid").write_text(f"{sleeper.pid}\n")
    by_line = Asked(tmp_path, "process", {"command_line": "*time.sleep(600) hostkeeper ?robe me"})
    by_file = Asked(tmp_path, "process", {"pid_file": str(tmp_path / "it.pid")})
    for asked in (by_line, by_file):
        found, error = asked.measure()
        assert error == ""
        assert (found["up"], found["count"], found["threads"]) == (1, 1, 1)
        assert found["memory_bytes"] > 1 << 20
        assert found["descriptors"] >= 3
        assert 0 <= found["age_seconds"] < 120
        assert "cpu_percent" not in found
        assert asked.measure()[0]["cpu_percent"] >= 0
    os.kill(sleeper.pid, signal.SIGKILL)
    sleeper.wait()
    for asked in (by_line, by_file):
        found, error = asked.measure()
        assert error == ""
        assert (found["up"], found["count"]) == (0, 0)
        assert "memory_bytes" not in found


def test_process_is_found_by_name_and_counted(tmp_path: Path) -> None:
    link = tmp_path / "a-name-longer-than-fifteen"
    link.symlink_to("/bin/sleep")
    running = [subprocess.Popen([str(link), "600"]) for _ in range(2)]
    try:
        asked = Asked(tmp_path, "process", {"name": link.name})
        deadline = time.monotonic() + 20
        while asked.measure()[0]["count"] != 2:
            assert time.monotonic() < deadline
    finally:
        for process in running:
            process.kill()
            process.wait()


@pytest.mark.parametrize("kind", ["word", "pipe"])
def test_process_of_a_pid_file_that_holds_none_is_down(kind: str, tmp_path: Path) -> None:
    if kind == "pipe":
        os.mkfifo(tmp_path / "it.pid")
    else:
        (tmp_path / "it.pid").write_text("soon\n")
    found, error = Asked(tmp_path, "process", {"pid_file": str(tmp_path / "it.pid")}).measure()
    assert "no process id" in error
    assert found["up"] == 0
