"""Commands that do not want to end, and what is left of them: nothing."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.errors import RunFailed
from agent.host.cgroup import Cgroups
from agent.host.processes import SystemProcesses
from agent.ports import Command, Completed

PATH = os.environ["PATH"]
NOBODY = "nobody"


def children_of_this_process() -> set[int]:
    return {int(pid) for task in Path("/proc/self/task").iterdir() for pid in (task / "children").read_text().split()}


@pytest.fixture(autouse=True)
def no_child_left() -> Iterator[None]:
    before = children_of_this_process()
    yield
    assert children_of_this_process() <= before


@pytest.fixture(params=["cgroup", "descent"])
def processes(request: pytest.FixtureRequest) -> SystemProcesses:
    if request.param == "cgroup" and not can_make_groups():
        pytest.skip("no cgroup 2 that this user may make groups in")
    return SystemProcesses(cgroups=request.param == "cgroup")


def can_make_groups() -> bool:
    groups = Cgroups.discover()
    group = groups.make(f"hostkeeper-test-{os.getpid()}") if groups else None
    return group is not None and group.remove()


@pytest.fixture
def token() -> Iterator[str]:
    """A word in the environment of whatever a test starts; nothing that carries it may outlive the test."""
    word = uuid.uuid4().hex
    yield word
    left = carriers(word)
    assert left == [], f"left behind: {left}"


def carriers(word: str) -> list[str]:
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            environment = Path(f"/proc/{pid}/environ").read_bytes()
            line = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            continue
        if word.encode() in environment:
            found.append(f"{pid} {line!r}")
    return found


def command(*argv: str, token: str = "", **changes: object) -> Command:
    fields: dict[str, object] = {
        "argv": argv,
        "user": None,
        "environment": {"PATH": PATH, "WORD": token},
        "directory": "/",
        "timeout": 20.0,
        "grace": 5.0,
        "output_limit": 10_000,
    }
    return Command(**(fields | changes))  # type: ignore[arg-type]  # a table of fields, checked where it is used


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-I", "-S", "-c", code)


def never() -> bool:
    return False


def test_run_plain_command_returns_code_and_output(processes: SystemProcesses, token: str) -> None:
    completed = processes.run(command("sh", "-c", "echo out; echo err >&2; exit 3", token=token), never)
    assert (completed.code, completed.output, completed.output_bytes) == (3, "out\nerr\n", 8)
    assert not completed.timed_out
    assert not completed.stopped
    assert completed.survivors == ()
    assert 0 < completed.seconds < 5


def test_run_killed_by_signal_returns_it_negative(processes: SystemProcesses) -> None:
    assert processes.run(command("sh", "-c", "kill -SEGV $$"), never).code == -11


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
    processes: SystemProcesses, token: str, script: str
) -> None:
    begun = time.monotonic()
    completed = processes.run(command("sh", "-c", script, token=token, timeout=0.4, grace=0.2), never)
    assert time.monotonic() - begun < 5
    assert completed.timed_out
    assert completed.code in (-9, -15)
    assert completed.survivors == ()


LEAVES_BEHIND = {
    "background child that keeps the pipe": "sleep 1000 & echo done",
    "background child that ignores TERM": "(trap '' TERM; while :; do sleep 1; done) & echo done",
    "double fork with setsid": "setsid sh -c 'setsid sleep 1000 & setsid sleep 1000 &' & sleep 0.1; echo done",
    "stopped child": "sh -c 'kill -STOP $$' & sleep 0.1; echo done",
    "clean environment": "env -i setsid /bin/sh -c '/bin/sleep 1000 & /bin/sleep 1000' & sleep 0.1; echo done",
}


@pytest.mark.parametrize("script", LEAVES_BEHIND.values(), ids=LEAVES_BEHIND.keys())
def test_run_command_that_leaves_processes_ends_them_and_counts_as_success(
    processes: SystemProcesses, token: str, script: str
) -> None:
    begun = time.monotonic()
    completed = processes.run(command("sh", "-c", script, token=token), never)
    assert time.monotonic() - begun < 3
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
def test_run_two_hundred_children_leaves_none(processes: SystemProcesses, token: str, ending: str) -> None:
    completed = processes.run(command(*python(MANY + ending), token=token, timeout=2.0, grace=0.2), never)
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


def test_run_process_that_flees_by_forking_is_caught(processes: SystemProcesses, token: str) -> None:
    completed = processes.run(command(*python(RUNAWAY), token=token), never)
    assert completed.code == 0
    assert completed.survivors == ()


def test_run_own_other_children_are_spared(processes: SystemProcesses) -> None:
    with subprocess.Popen(["sleep", "1000"]) as other:
        processes.run(command("sh", "-c", "setsid sleep 1000 & true"), never)
        assert other.poll() is None
        other.kill()


def test_run_endless_output_is_drained_without_memory(processes: SystemProcesses, token: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    argv = ("head", "-c", "500M", "/dev/zero")
    completed = processes.run(command(*argv, token=token, output_limit=1000), never)
    assert completed.output_bytes == 500 << 20
    assert completed.output == "\\x00" * 1000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 8 * 1024


def test_run_output_is_cut_to_its_tail(processes: SystemProcesses) -> None:
    completed = processes.run(command("seq", "1", "100000", output_limit=13), never)
    assert completed.output == "99999\n100000\n"
    assert completed.output_bytes == 588_895
    assert processes.run(command("echo", "x", output_limit=0), never).output == ""


def test_run_outsider_who_holds_the_pipe_does_not_block(processes: SystemProcesses, token: str) -> None:
    held: list[int] = []

    def hold() -> None:
        deadline = time.monotonic() + 10
        while not held and time.monotonic() < deadline:
            for carrier in carriers(token):
                pid = carrier.split()[0]
                if b"sleep" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    held.append(os.open(f"/proc/{pid}/fd/1", os.O_WRONLY))
                    return

    thread = threading.Thread(target=hold)
    thread.start()
    begun = time.monotonic()
    completed = processes.run(command("sleep", "0.5", token=token), never)
    took = time.monotonic() - begun
    thread.join()
    os.close(held[0])
    assert completed.code == 0
    assert took < 2


def test_run_output_closed_early_still_waits_for_the_end(processes: SystemProcesses) -> None:
    completed = processes.run(command("sh", "-c", "exec >&- 2>&-; sleep 0.3; exit 4"), never)
    assert completed.code == 4
    assert completed.seconds > 0.3


def test_run_told_to_stop_asks_first(processes: SystemProcesses, token: str) -> None:
    script = "exec 2>/dev/null; trap 'echo asked; exit 5' TERM; echo ready; while :; do sleep 0.05; done"
    asked_after = time.monotonic() + 0.5
    completed = processes.run(command("sh", "-c", script, token=token), lambda: time.monotonic() > asked_after)
    assert completed.stopped
    assert not completed.timed_out
    assert (completed.code, completed.output) == (5, "ready\nasked\n")


def test_run_stop_that_raises_leaves_nothing(processes: SystemProcesses, token: str) -> None:
    def stop() -> bool:
        raise LookupError

    with pytest.raises(LookupError):
        processes.run(command("sleep", "1000", token=token), stop)


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


def test_run_working_directory_and_program_beside_it(processes: SystemProcesses, tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\npwd\n")
    program.chmod(0o755)
    completed = processes.run(command("./program", directory=str(tmp_path)), never)
    assert completed.output == f"{tmp_path}\n"


@pytest.mark.root
def test_run_as_another_user_has_that_users_ids_alone(processes: SystemProcesses, token: str) -> None:
    completed = processes.run(command("sh", "-c", "id -u; id -g; id -G", token=token, user=NOBODY), never)
    assert completed.output == "65534\n65534\n65534\n"


@pytest.mark.root
def test_run_as_another_user_stubborn_leaves_nothing(processes: SystemProcesses, token: str) -> None:
    script = "trap '' TERM; setsid sleep 1000 & while :; do sleep 1; done"
    completed = processes.run(command("sh", "-c", script, token=token, user=NOBODY, timeout=0.3, grace=0.1), never)
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
