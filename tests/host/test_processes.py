"""Commands as they should be: their code, their output, their surroundings."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from agent.errors import RunFailed
from agent.host.cgroup import Cgroups
from agent.host.processes import SystemProcesses
from agent.ports import Completed
from tests.host.commands import PATH, command, never, python
from tests.host.leftovers import carriers, until
from tests.memory import forget, peak

pytestmark = pytest.mark.usefixtures("no_child_left")
NOBODY = "nobody"


def test_run_plain_command_returns_code_and_output(processes: SystemProcesses, word: str) -> None:
    completed = processes.run(command("sh", "-c", "echo out; echo err >&2; exit 3", word=word), never)
    assert (completed.code, completed.output, completed.output_bytes) == (3, "out\nerr\n", 8)
    assert not completed.timed_out
    assert not completed.stopped
    assert completed.survivors == ()
    assert 0 < completed.seconds < 30


def test_run_killed_by_signal_returns_it_negative(processes: SystemProcesses) -> None:
    assert processes.run(command("sh", "-c", "kill -SEGV $$"), never).code == -11


def test_run_endless_output_is_drained_without_memory(processes: SystemProcesses, word: str) -> None:
    forget()
    before = peak()
    argv = ("head", "-c", "500M", "/dev/zero")
    completed = processes.run(command(*argv, word=word, output_limit=1000), never)
    assert completed.output_bytes == 500 << 20
    assert completed.output == "\\x00" * 1000
    assert peak() - before < 8 * 1024


def test_run_output_is_cut_to_its_tail(processes: SystemProcesses) -> None:
    completed = processes.run(command("seq", "1", "100000", output_limit=13), never)
    assert completed.output == "99999\n100000\n"
    assert completed.output_bytes == 588_895
    assert processes.run(command("echo", "x", output_limit=0), never).output == ""


def test_run_outsider_who_holds_the_pipe_does_not_block(processes: SystemProcesses, word: str) -> None:
    held: list[int] = []
    ended: list[float] = []

    def hold() -> None:
        pid = until(lambda: next(filter(sleeps, carriers(word)), None), 30.0)
        held.append(os.open(f"/proc/{pid}/fd/1", os.O_WRONLY))
        ended.append(time.monotonic())
        os.kill(pid, signal.SIGKILL)

    thread = threading.Thread(target=hold)
    thread.start()
    completed = processes.run(command("sleep", "60", word=word), never)
    took = time.monotonic() - ended[0]
    thread.join()
    os.close(held[0])
    assert completed.code == -9
    assert took < 10


def sleeps(pid: int) -> bool:
    """Whether a process is a `sleep` by now."""
    try:
        return b"sleep" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def test_run_output_closed_early_still_waits_for_the_end(processes: SystemProcesses) -> None:
    completed = processes.run(command("sh", "-c", "exec >&- 2>&-; sleep 0.3; exit 4"), never)
    assert completed.code == 4
    assert completed.seconds > 0.3


def test_run_told_to_stop_asks_first(processes: SystemProcesses, word: str) -> None:
    script = "exec 2>/dev/null; trap 'echo asked; exit 5' TERM; echo ready; while :; do sleep 0.05; done"
    asked_after = time.monotonic() + 0.5
    completed = processes.run(command("sh", "-c", script, word=word), lambda: time.monotonic() > asked_after)
    assert completed.stopped
    assert not completed.timed_out
    assert (completed.code, completed.output) == (5, "ready\nasked\n")


def test_run_stop_that_raises_leaves_nothing(processes: SystemProcesses, word: str) -> None:
    def stop() -> bool:
        raise LookupError

    with pytest.raises(LookupError):
        processes.run(command("sleep", "1000", word=word), stop)


def test_run_environment_is_complete_and_input_empty(processes: SystemProcesses) -> None:
    environment = {"PATH": PATH, "ONLY": "this"}
    completed = processes.run(command("env", environment=environment), never)
    assert sorted(completed.output.splitlines()) == [f"ONLY={environment['ONLY']}", f"PATH={PATH}"]
    assert processes.run(command("cat"), never).code == 0


def test_run_command_inherits_no_descriptor_and_has_its_own_session(processes: SystemProcesses, tmp_path: Path) -> None:
    with (tmp_path / "open").open("w") as file:
        os.set_inheritable(file.fileno(), True)
        code = "import os; print(sorted(os.listdir('/proc/self/fd'))[:-1], os.getsid(0) == os.getpid())"
        completed = processes.run(command(*python(code)), never)
    assert completed.output == "['0', '1', '2'] True\n"


def test_run_umask_is_the_usual_one(processes: SystemProcesses) -> None:
    before = os.umask(0o077)
    try:
        assert processes.run(command("sh", "-c", "umask"), never).output == "0022\n"
    finally:
        os.umask(before)


def test_run_working_directory_and_program_beside_it(processes: SystemProcesses, tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\npwd\n")
    program.chmod(0o755)
    completed = processes.run(command("./program", directory=str(tmp_path)), never)
    assert completed.output == f"{tmp_path}\n"


@pytest.mark.root
def test_run_as_another_user_has_that_users_ids_alone(processes: SystemProcesses, word: str) -> None:
    completed = processes.run(command("sh", "-c", "id -u; id -g; id -G", word=word, user=NOBODY), never)
    assert completed.output == "65534\n65534\n65534\n"


@pytest.mark.root
def test_run_as_another_user_stubborn_leaves_nothing(processes: SystemProcesses, word: str) -> None:
    script = "trap '' TERM; setsid sleep 1000 & while :; do sleep 1; done"
    completed = processes.run(command("sh", "-c", script, word=word, user=NOBODY, timeout=0.3, grace=0.1), never)
    assert completed.timed_out
    assert completed.survivors == ()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"user": "no-such-user"}, "there is no user 'no-such-user' on this host"),
        ({"argv": ("no-such-program",)}, "cannot run no-such-program: there is no such program"),
        ({"directory": "/no/such/place"}, "the working directory /no/such/place does not exist"),
        ({"argv": ("/etc/passwd",)}, "permission denied"),
        ({"argv": ("a\0b",)}, "cannot run a\\x00b: embedded null byte"),
        ({"argv": ("/no/\x1b[2J/program",)}, "cannot run /no/\\x1b[2J/program"),
    ],
)
def test_run_that_cannot_start_says_why(processes: SystemProcesses, changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(RunFailed) as raised:
        processes.run(command(**({"argv": ("true",)} | changes)), never)  # type: ignore[arg-type]  # as above
    assert sentence in str(raised.value)


def test_run_many_times_gives_descriptors_back(processes: SystemProcesses) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(50):
        processes.run(command("true"), never)
    with pytest.raises(RunFailed):
        processes.run(command("no-such-program"), never)
    assert len(os.listdir("/proc/self/fd")) == before


FEW_DESCRIPTORS = """
import resource, sys
from agent.host.processes import SystemProcesses
from agent.ports import Command
resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16))
command = Command(argv=("sh", "-c", "setsid sleep 1000 & echo fine"), user=None, environment={"PATH": sys.argv[1]},
                  directory="/", timeout=9, grace=1, output_limit=99)
print(SystemProcesses(cgroups=sys.argv[2] == "cgroup").run(command, lambda: False).output, end="")
"""


@pytest.mark.parametrize("kind", ["cgroup", "descent"])
def test_run_with_few_descriptors_works(kind: str) -> None:
    argv = [sys.executable, "-c", FEW_DESCRIPTORS, PATH, kind]
    result = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    assert (result.stdout, result.stderr) == ("fine\n", "")


def test_run_one_after_the_other_from_threads(processes: SystemProcesses) -> None:
    results: list[Completed] = []

    def work() -> None:
        results.append(processes.run(command("sh", "-c", "setsid sleep 1000 & echo fine"), never))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [(result.code, result.output) for result in results] == [(0, "fine\n")] * 4


def test_run_no_group_is_left(processes: SystemProcesses) -> None:
    groups = Cgroups.discover()
    processes.run(command("sh", "-c", "setsid sleep 1000 & true"), never)
    if groups is not None:
        assert [name for name in os.listdir(groups.base) if name.endswith(f"-{os.getpid()}")] == []
