"""Processes by name, with real processes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.probes.processes import Processes, parse_usage
from agent.probes.roster import LISTED_EVERY, LOOKED_AT_EVERY, YOUNG_FOR

# Names that no other process has, not even one of the same test in another run.
SHORT = f"hk{os.getpid()}"
EXACT = f"{SHORT}-just-fifteen"[:15]
LONG = f"{EXACT}-and-more"


def until_named(pid: int, name: str) -> None:
    """Wait until a program that was just started goes by its name: the kernel renames it late in exec."""
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}/comm").read_text().strip() != name[:15]:
        assert time.monotonic() < deadline
        time.sleep(0.01)


@contextmanager
def running(directory: Path, *names: str) -> Iterator[list[int]]:
    """Run a program under each of the names, and return the ids of the processes."""
    started = []
    for name in names:
        program = directory / name
        if not program.exists():
            program.symlink_to(shutil.which("sleep") or "/bin/sleep")
        started.append(subprocess.Popen([program, "60"]))
    try:
        for process, name in zip(started, names, strict=True):
            until_named(process.pid, name)
        yield [process.pid for process in started]
    finally:
        for process in started:
            process.kill()
            process.wait()


def measured(processes: Processes, now: float = 0.0) -> Mapping[tuple[str, str], float]:
    found = processes.read(now)
    assert found.error == ""
    return {(sample.signal, dict(sample.labels)["name"]): sample.value for sample in found.samples}


def asking(*names: str) -> Processes:
    processes = Processes()
    processes.ask(frozenset(names))
    return processes


def test_nothing_is_read_when_nothing_is_asked_for() -> None:
    assert measured(Processes()) == {}


def test_processes_of_a_name_are_counted_and_added_up(tmp_path: Path) -> None:
    with running(tmp_path, SHORT, SHORT):
        found = measured(asking(SHORT))
    assert found["process.count", SHORT] == 2
    assert 100_000 < found["process.memory_bytes", SHORT] < 20_000_000


def test_name_that_no_process_has_is_counted_as_none_and_uses_nothing() -> None:
    assert measured(asking("hk-none")) == {("process.count", "hk-none"): 0.0}


def test_names_that_the_kernel_cuts_off_are_told_apart(tmp_path: Path) -> None:
    with running(tmp_path, EXACT, LONG, LONG):
        found = measured(asking(EXACT, LONG, LONG + "-still"))
    counts = {name: count for (signal, name), count in found.items() if signal == "process.count"}
    assert counts == {EXACT: 1, LONG: 2, LONG + "-still": 0}


def test_script_is_known_by_its_own_name(tmp_path: Path) -> None:
    script = tmp_path / f"{SHORT}-a-script-with-a-long-name"
    script.write_text("#!/bin/sh\nread line\n")
    script.chmod(0o755)
    with subprocess.Popen([script], stdin=subprocess.PIPE) as process:
        until_named(process.pid, script.name)
        found = measured(asking(script.name))
        process.kill()
    assert found["process.count", script.name] == 1


def test_processor_time_is_that_since_the_previous_pass() -> None:
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as process:
        name = Path(sys.executable).name
        until_named(process.pid, name)
        processes = asking(name)
        assert ("process.cpu_percent", name) not in measured(processes, time.monotonic())
        time.sleep(0.5)
        found = measured(processes, time.monotonic())
        process.kill()
    assert found["process.cpu_percent", name] > 1


def test_process_that_has_rested_uses_nothing_until_it_works_again() -> None:
    work = "import time; end = time.process_time() + 0.05\nwhile time.process_time() < end: pass\nprint(flush=True)"
    program = (
        f"import sys\nopen('/proc/self/comm', 'w').write({SHORT!r}); print(flush=True)\nsys.stdin.readline()\n{work}"
    )
    with subprocess.Popen(
        [sys.executable, "-c", f"{program}\nsys.stdin.readline()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        while Path(f"/proc/{process.pid}/stat").read_text().rpartition(") ")[2][0] != "S":
            time.sleep(0.01)
        processes = asking(SHORT)
        measured(processes, 1.0)
        resting = [measured(processes, now) for now in (2.0, 3.0, 3.0, 4.0)]
        process.stdin.write(b"work\n")
        process.stdin.flush()
        process.stdout.readline()
        working = measured(processes, 5.0)
        process.kill()
    assert [found.get(("process.cpu_percent", SHORT)) for found in resting] == [0.0, 0.0, None, 0.0]
    assert len({found["process.memory_bytes", SHORT] for found in resting}) == 1
    assert working["process.count", SHORT] == 1
    assert 3 <= working["process.cpu_percent", SHORT] < 100


def test_process_that_ends_and_one_that_comes_are_noticed_by_the_next_pass(tmp_path: Path) -> None:
    processes = asking(SHORT)
    for _ in range(3):
        with running(tmp_path, SHORT):
            for _ in range(YOUNG_FOR + 2):
                assert measured(processes)["process.count", SHORT] == 1
        assert measured(processes)["process.count", SHORT] == 0


def test_process_that_takes_another_name_is_noticed_within_the_interval(tmp_path: Path) -> None:
    (tmp_path / SHORT).symlink_to("/bin/sleep")
    line = f"read line; exec {tmp_path / SHORT} 60"
    with subprocess.Popen(["/bin/sh", "-c", line], stdin=subprocess.PIPE) as process:
        processes = asking(SHORT)
        before = [measured(processes)["process.count", SHORT] for _ in range(YOUNG_FOR + 1)]
        assert process.stdin is not None
        process.stdin.write(b"go\n")
        process.stdin.flush()
        until_named(process.pid, SHORT)
        counts = [measured(processes)["process.count", SHORT] for _ in range(LOOKED_AT_EVERY + 1)]
        process.kill()
    assert before[-1] == 0
    assert counts[-1] == 1


def test_names_asked_for_later_are_found_at_once(tmp_path: Path) -> None:
    with running(tmp_path, SHORT):
        processes = asking("hk-none")
        for _ in range(YOUNG_FOR + 1):
            measured(processes)
        processes.ask(frozenset({SHORT}))
        assert measured(processes)["process.count", SHORT] == 1


@pytest.mark.parametrize("name", [b"a", b"a b", b"a) R 1 (b", b"\n\xff"])
def test_usage_is_parsed_whatever_the_name(name: bytes) -> None:
    fields = b"S 1 2 3 0 -1 4194560 5 6 7 8 150 50 0 0 20 0 1 0 777 9999 25 18446744073709551615"
    usage = parse_usage(b"42 (" + name + b") " + fields)
    assert usage == (777, 200, 25)


def test_thread_with_the_name_of_a_program_is_no_process_of_its_own() -> None:
    code = "import sys, threading, time; [threading.Thread(target=time.sleep, args=(60,)).start() for _ in range(5)]"
    processes = asking(SHORT)
    for _ in range(LISTED_EVERY):
        measured(processes)
    rename = f"open('/proc/self/comm', 'w').write({SHORT!r}); print(flush=True); "
    with subprocess.Popen([sys.executable, "-c", rename + code], stdout=subprocess.PIPE) as process:
        until_named(process.pid, SHORT)
        counts = {measured(processes)["process.count", SHORT] for _ in range(2 * LISTED_EVERY)}
        process.kill()
    assert counts == {1}
