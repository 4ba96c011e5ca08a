"""A real agent under test: its own directories, a process started and ended by the test, nothing shared."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import apsw

from agent.errors import Mistake
from agent.host import proc
from agent.host.cgroup import Cgroup
from agent.host.run_process import MARKER
from agent.model.runs import Run
from agent.store import Store
from agent.store.connection import BUSY_TIMEOUT_MS, DATABASE_NAME
from tests.host.leftovers import groups_of

T = TypeVar("T")
PATIENCE = 30.0


def wait_for(what: Callable[[], T | None], seconds: float = PATIENCE, saying: str = "") -> T:
    """Return the first thing that is not None and not False; AssertionError when it does not come in time."""
    end = time.monotonic() + seconds
    while True:
        found = what()
        if found is not None and found is not False:
            return found
        assert time.monotonic() < end, f"waited {seconds} s in vain {saying}"
        time.sleep(0.02)


def inherited() -> dict[str, str]:
    """Return the environment of this process, of which pytest writes what is at work while threads start agents."""
    while True:
        with suppress(KeyError):
            return dict(os.environ)


class AgentUnderTest:
    """An agent in a directory of its own. Policies are written with `policy`, settings with `settings`.

    `state` is where its state is to be, if not in that directory.
    """

    def __init__(self, place: Path, state: Path | None = None) -> None:
        self.place = place
        self.policies = place / "policies"
        self.state = state or place / "state"
        self.config = place / "agent.yaml"
        self.log = place / "log"
        self.policies.mkdir(mode=0o700, exist_ok=True)
        self.process: subprocess.Popen[bytes] | None = None
        self.settings("sample_every: 1s\ngrace: 5s\n")

    def settings(self, text: str, listen: str | None = None) -> None:
        """Write agent.yaml; metrics go to a socket in the place unless another address is given.

        Runs are plain children, whatever this host is run by, unless the text says otherwise.
        """
        listen = listen or f"unix:{self.place}/metrics.sock"
        launcher = "" if "launcher:" in text else "launcher: child\n"
        self.config.write_text(f"metrics: {{listen: {listen!r}}}\n{launcher}{text}")
        self.config.chmod(0o600)

    def policy(self, text: str, name: str = "policy.yaml") -> Path:
        """Write a policy file as an editor would: complete under another name, then renamed."""
        draft = self.place / f".{name}.draft"
        draft.write_text(text)
        draft.chmod(0o600)
        path = self.policies / name
        os.replace(draft, path)
        return path

    @property
    def arguments(self) -> list[str]:
        """The arguments that every command takes."""
        return ["--policies", str(self.policies), "--state", str(self.state), "--config", str(self.config)]

    def command(
        self, *arguments: str, environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of the command line to its end."""
        return subprocess.run(
            [sys.executable, "-I", "-m", "agent", *arguments, *self.arguments],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env={**inherited(), **(environment or {})},
        )

    def start(
        self, *, ready: bool = True, environment: Mapping[str, str] | None = None, prefix: Sequence[str] = ()
    ) -> subprocess.Popen[bytes]:
        """Start the agent, by a program that becomes it if there is a prefix; with `ready`, return once it is."""
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [*prefix, sys.executable, "-I", "-m", "agent", "agent", *self.arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**inherited(), **(environment or {})},
            )
        if ready:
            wait_for(self.is_ready, saying=f"for the agent to be ready: {self.log.read_text()}")
        return self.process

    def is_ready(self) -> bool:
        """Whether the agent says that it acts on policies."""
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()
        return self.get("/readyz")[0] == 200

    def get(self, path: str) -> tuple[int, str]:
        """Return status and body of a page of the agent; 0 when it does not answer."""
        request = f"GET {path} HTTP/1.1\r\nHost: agent\r\nConnection: close\r\n\r\n".encode()
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(PATIENCE)
            try:
                client.connect(f"{self.place}/metrics.sock")
                client.sendall(request)
                answer = b"".join(iter(lambda: client.recv(65536), b""))
            except OSError:
                return 0, ""
        head, _, body = answer.partition(b"\r\n\r\n")
        if not head:
            return 0, ""
        return int(head.split()[1]), body.decode()

    def metric(self, name: str) -> float | None:
        """Return the number of a series, named as on the page."""
        for line in self.get("/metrics")[1].splitlines():
            if line.startswith(f"{name} "):
                return float(line.rpartition(" ")[2])
        return None

    def digest(self) -> str:
        """Return the digest of the policy set in force, "" before there is one."""
        return str(self.facts().get("digest", ""))

    def facts(self) -> dict[str, Any]:
        """Return what the agent says of its policies."""
        if not (self.state / "hostkeeper.db").exists():
            return {}
        with Store(str(self.state), read_only=True) as store:
            record = store.facts.get("daemon")
        return dict(record["policies"]) if isinstance(record, dict) else {}

    def checked(self) -> str:
        """Return the digest that a cold start would put in force, "" if the files have mistakes."""
        return str(self.check().get("digest", ""))

    def check(self) -> dict[str, Any]:
        """Return what a check says of the files that knows nothing of the agent."""
        arguments = ["check", "--json", "--policies", str(self.policies), "--state", f"{self.place}/none"]
        done = subprocess.run(
            [sys.executable, "-I", "-m", "agent", *arguments, "--config", str(self.config)],
            stdout=subprocess.PIPE,
            timeout=120,
            check=False,
        )
        return dict(json.loads(done.stdout))

    def check_mistakes(self) -> list[str]:
        """Return the mistakes that a check finds, each as the log has it."""
        fields = ("file", "line", "column", "path", "wrong", "right")
        return [str(Mistake(*(mistake[field] for field in fields))) for mistake in self.check().get("mistakes", ())]

    def put_in_force(self) -> list[str]:
        """Return the first digits of the digest of each set that the agent has put in force, from its log."""
        return re.findall(r"policies ([0-9a-f]{12}) in force: ", self.log.read_text())

    def runs(self) -> list[Run]:
        """Return all runs, oldest first."""
        if not (self.state / "hostkeeper.db").exists():
            return []
        with Store(str(self.state), read_only=True) as store:
            return store.runs.recent(10_000)[::-1]

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End the agent by a signal and return its exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(PATIENCE)
        self.process = None
        return code

    @property
    def key(self) -> str:
        """What the names of this state's control groups and the marks of its runs' processes begin with."""
        state = self.state.stat()
        return f"{state.st_dev:x}-{state.st_ino:x}"

    def groups(self) -> list[Cgroup]:
        """Return the control groups of this state's runs."""
        return groups_of(self.key)

    @contextmanager
    def store_locked(self) -> Iterator[None]:
        """Write to the store as somebody else, and do not come to an end meanwhile."""
        with closing(apsw.Connection(str(self.state / DATABASE_NAME))) as store:
            store.set_busy_timeout(BUSY_TIMEOUT_MS)
            store.execute("BEGIN IMMEDIATE")
            yield

    def of_runs(self) -> list[proc.Process]:
        """Return the processes of runs that live."""
        if not self.state.exists():
            return []
        mark = f"{MARKER}={self.key}:".encode()
        found = (proc.look(pid) for pid in proc.everyone() if mark in _environment(pid))
        return [process for process in found if process is not None and not process.dead]

    def kill_runs(self) -> None:
        """Kill every process of every run."""
        proc.end(self.of_runs, PATIENCE)

    def bury(self) -> None:
        """Kill the agent, whoever it has started, and the runs, which outlive it by design: nobody writes any more."""
        started: list[proc.Process] = []
        if self.process is not None:
            # One that is stopped starts nobody between the look and its end.
            self.process.send_signal(signal.SIGSTOP)
            started = [one for one in proc.descendants([self.process.pid]) if one.pid != self.process.pid]
            self.process.kill()
            self.process.wait()
            self.process = None
        assert proc.end(lambda: [*proc.alive(started), *self.of_runs()], PATIENCE) == ()
        # Nobody is left who would remove them, and another state may get the number of this one.
        for group in self.groups() if self.state.exists() else ():
            group.remove()


def _environment(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""


@contextmanager
def agent_in(place: Path) -> Iterator[AgentUnderTest]:
    """An agent that is ended with the test, whatever happens, and of which nothing is left."""
    agent = AgentUnderTest(place)
    try:
        yield agent
    finally:
        agent.bury()
