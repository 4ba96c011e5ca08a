"""Runs commands to their end, and leaves nothing of them behind."""

from __future__ import annotations

import contextlib
import fcntl
import math
import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from msgspec import Struct, structs

from agent.errors import RunFailed
from agent.host import proc
from agent.host.cgroup import Cgroup, Cgroups
from agent.host.credentials import lent
from agent.host.output import Tail, visible
from agent.host.readonly import forbid_writing
from agent.host.run_process import MARKER
from agent.host.users import Account, account
from agent.ports import Command, Completed

_LOOK_EVERY = 0.1
_POLITE = 0.5
_PIPE_BYTES = 1 << 20
_UMASK = 0o022
"""What commands are used to; the agent's own is stricter."""


class SystemProcesses:
    """`agent.ports.Processes`: one command at a time; this process becomes a subreaper.

    `cgroups` False does without control groups, and finds a command's processes by descent alone. `patience` is how
    many seconds killed processes may take to die, before they are reported as survivors. `copy` is a descriptor that
    gets all output of the commands as it comes, None for nowhere. `writable` is all that commands may write to, as far
    as the kernel can hold them to it; None leaves that open.
    """

    def __init__(
        self,
        *,
        cgroups: bool = True,
        patience: float = 5.0,
        copy: int | None = None,
        writable: Sequence[str] | None = None,
    ) -> None:
        self._cgroups = cgroups
        self._patience = patience
        self._copy = copy
        self._fence = None if writable is None else partial(forbid_writing, writable)
        self._one = threading.Lock()
        proc.become_subreaper()

    def run(self, command: Command, stop: Callable[[], bool]) -> Completed:
        """Given a command, run it to its end, its timeout, or until `stop()` is true; return how it ended.

        Asked to end, it gets SIGTERM, then `grace` seconds, then SIGKILL. When its main process has ended, whatever
        it started and left behind is ended too. Raises RunFailed when it cannot be started, or a credential is missing.
        """
        who = account(command.user)
        with self._one, lent(command.credentials, who) as lending:
            command = structs.replace(command, environment={**command.environment, **lending})
            begun = time.monotonic()
            spared = frozenset(proc.children(os.getpid()))
            popen, group = self._start(command, who)
            with _Running(popen, group, spared, self._patience) as running:
                tail = Tail(command.output_limit, self._copy)
                stopped, timed_out = running.wait(command, tail, stop)
                survivors = running.end()
                running.drain(tail)
                seconds = time.monotonic() - begun
                return Completed(running.code(), tail.text(), tail.total, timed_out, seconds, stopped, _pids(survivors))

    def _start(self, command: Command, who: Account) -> tuple[subprocess.Popen[bytes], Cgroup | None]:
        groups = Cgroups.discover() if self._cgroups else None
        group = groups.make(f"hostkeeper-command-{os.getpid()}") if groups else None
        if groups is None or group is None:
            return _popen(command, who, self._fence), None
        try:
            group.enter()
        except OSError:
            group.remove()
            return _popen(command, who, self._fence), None
        try:
            popen = _popen(command, who, self._fence)
        except BaseException:
            groups.leave(group)
            group.remove()
            raise
        # A group that this process could not leave must not be killed.
        return popen, group if groups.leave(group) else None


def _popen(command: Command, who: Account, fence: Callable[[], object] | None) -> subprocess.Popen[bytes]:
    environment = dict(command.environment)
    if MARKER in os.environ:
        environment[MARKER] = os.environ[MARKER]
    switch = who.uid != os.geteuid()
    try:
        popen = subprocess.Popen(
            command.argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
            cwd=command.directory,
            env=environment,
            start_new_session=True,
            umask=_UMASK,
            user=who.uid if switch else None,
            group=who.gid if switch else None,
            extra_groups=who.groups if switch else None,
            preexec_fn=fence,  # noqa: PLW1509 - this process has no other thread that could hold a lock
        )
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise RunFailed(_why_not_started(command, who, error)) from error
    assert popen.stdout is not None
    os.set_blocking(popen.stdout.fileno(), False)
    # A roomier pipe saves switches between a talkative command and us; the kernel may say no.
    with contextlib.suppress(OSError):
        fcntl.fcntl(popen.stdout.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    return popen


def _why_not_started(command: Command, who: Account, error: Exception) -> str:
    program = visible(command.argv[0])
    if not os.path.isdir(command.directory):
        return f"cannot run {program}: the working directory {visible(command.directory)} does not exist"
    if isinstance(error, FileNotFoundError):
        return f"cannot run {program}: there is no such program, or its interpreter is missing"
    if isinstance(error, PermissionError):
        return f"cannot run {program} as {who.name} in {visible(command.directory)}: permission denied"
    return f"cannot run {program}: {getattr(error, 'strerror', None) or error}"


def _pids(processes: tuple[proc.Process, ...]) -> tuple[int, ...]:
    return tuple(process.pid for process in processes)


class _Running(Struct):
    """A started command. `spared` are children of this process that have nothing to do with it."""

    popen: subprocess.Popen[bytes]
    group: Cgroup | None
    spared: frozenset[int]
    patience: float

    def __enter__(self) -> _Running:
        return self

    def __exit__(self, *_: object) -> None:
        """End what still lives, whatever went wrong, and give the pipe and the group back."""
        if self.popen.returncode is None:
            self.end()
            self.code()
        assert self.popen.stdout is not None
        self.popen.stdout.close()
        if self.group is not None:
            self.group.remove()

    @property
    def _output(self) -> int:
        assert self.popen.stdout is not None
        return self.popen.stdout.fileno()

    def wait(self, command: Command, tail: Tail, stop: Callable[[], bool]) -> tuple[bool, bool]:
        """Read output until the main process ends or its time is over; return (was stopped, timed out).

        The main process is not reaped here, so that its id and its group's stay its own.
        """
        stopped = timed_out = False
        deadline, kill_at = time.monotonic() + command.timeout, math.inf
        descriptor = os.pidfd_open(self.popen.pid)
        try:
            poller = select.poll()
            poller.register(descriptor, select.POLLIN)
            poller.register(self._output, select.POLLIN)
            while True:
                patience = min(_LOOK_EVERY, max(0.0, min(deadline, kill_at) - time.monotonic()))
                ready = {fd for fd, _ in poller.poll(math.ceil(patience * 1000))}
                if self._output in ready and not tail.read(self._output):
                    poller.unregister(self._output)
                now = time.monotonic()
                if descriptor in ready or now >= kill_at:
                    return stopped, timed_out
                if kill_at == math.inf:
                    stopped = stop()
                    timed_out = not stopped and now >= deadline
                    if stopped or timed_out:
                        self._ask()
                        deadline, kill_at = math.inf, now + command.grace
        finally:
            os.close(descriptor)

    def _ask(self) -> None:
        # A stopped process would see the request only when somebody wakes it.
        for number in (signal.SIGTERM, signal.SIGCONT):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.popen.pid, number)

    def end(self) -> tuple[proc.Process, ...]:
        """End every process of the command; return those that even SIGKILL did not end in time.

        What a command that has ended by itself left behind is asked before it is killed.
        """
        deadline = time.monotonic() + _POLITE
        asked: set[tuple[int, int]] = set()
        while (left := self._left_behind()) and time.monotonic() < deadline:
            for process in left:
                if (process.pid, process.started) not in asked:
                    asked.add((process.pid, process.started))
                    proc.send(process, signal.SIGTERM)
                    proc.send(process, signal.SIGCONT)
            time.sleep(0.01)
        if self.group is not None:
            self.group.kill()
        return proc.end(self._all, self.patience, keep=(self.popen.pid,))

    def _left_behind(self) -> list[proc.Process]:
        """Return the living processes of a command whose main process has ended; nothing while that lives."""
        processes = list(self._all())
        if any(process.pid == self.popen.pid and not process.dead for process in processes):
            return []
        return [process for process in processes if not process.dead]

    def _all(self) -> Iterator[proc.Process]:
        yield from proc.descendants(pid for pid in proc.children(os.getpid()) if pid not in self.spared)

    def drain(self, tail: Tail) -> None:
        """Take what is left in the pipe, and never wait for more: somebody out of reach may hold its other end."""
        tail.read(self._output, most=64)

    def code(self) -> int:
        """Reap the main process; return its exit code, negative for a signal."""
        code = self.popen.poll()
        if code is None:
            # What SIGKILL cannot end cannot be waited for; whoever inherits it will reap it.
            self.popen.returncode = code = -signal.SIGKILL
        return code
