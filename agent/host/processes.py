"""Runs commands to their end, and leaves nothing of them behind."""

from __future__ import annotations

import contextlib
import itertools
import math
import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TypeVar

from msgspec import Struct, structs

from agent.host import proc
from agent.host.cgroup import Cgroup, Cgroups
from agent.host.credentials import lent
from agent.host.output import Tail
from agent.host.piping import Pipeline, start_all
from agent.host.readonly import forbid_writing
from agent.host.starting import listen, start
from agent.host.users import Account, account
from agent.ports import Command, Completed, Program

_LOOK_EVERY = 0.1
_POLITE = 0.5

_Started = TypeVar("_Started")

_ONE = threading.RLock()
"""A process has one place among control groups and one set of children, whoever runs commands in it."""


class SystemProcesses:
    """`agent.ports.Processes`, for one thread at a time; this process becomes a subreaper.

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
        self._numbers = itertools.count()
        proc.become_subreaper()

    def run(self, command: Command, stop: Callable[[], bool]) -> Completed:
        """Given a command, run it to its end, its timeout, or until `stop()` is true; return how it ended.

        Asked to end, it gets SIGTERM, then `grace` seconds, then SIGKILL. When its main process has ended, whatever
        it started and left behind is ended too. Raises RunFailed when it cannot be started, or a credential is missing.
        """
        who = account(command.user)
        with _ONE, lent(command.credentials, who) as lending:
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

    @contextlib.contextmanager
    def piped(self, programs: Sequence[Program], stop: Callable[[], bool]) -> Iterator[Pipeline]:
        """As `agent.ports.Processes.piped`. Raises RunFailed when one of them cannot be started.

        What they leave behind is ended, and with it whatever became this process's child meanwhile by other ways.
        """
        with _ONE:
            spared = frozenset(proc.children(os.getpid()))
            started, group = self._grouped(lambda: start_all(programs, self._fence))
            pipeline = Pipeline(started, self._copy, stop)
            try:
                with pipeline:
                    yield pipeline
            finally:
                if group is not None:
                    group.kill()
                left = lambda: proc.descendants(pid for pid in proc.children(os.getpid()) if pid not in spared)  # noqa: E731
                survivors = proc.end(left, self._patience, keep=pipeline.unreaped())
                pipeline.settle(_pids(survivors))
                if group is not None:
                    group.remove()

    def _start(self, command: Command, who: Account) -> tuple[subprocess.Popen[bytes], Cgroup | None]:
        return self._grouped(lambda: _listened(command, who, self._fence))

    def _grouped(self, begin: Callable[[], _Started]) -> tuple[_Started, Cgroup | None]:
        """Start something in a control group of its own where there can be one; return what was started, and it."""
        groups = Cgroups.discover() if self._cgroups else None
        name = f"hostkeeper-command-{os.getpid()}-{next(self._numbers)}"
        group = groups.make(name) if groups else None
        if groups is None or group is None:
            return begin(), None
        try:
            group.enter()
        except OSError:
            group.remove()
            return begin(), None
        try:
            started = begin()
        except BaseException:
            groups.leave(group)
            group.remove()
            raise
        # A group that this process could not leave must not be killed.
        return started, group if groups.leave(group) else None


def _listened(command: Command, who: Account, fence: Callable[[], object] | None) -> subprocess.Popen[bytes]:
    popen = start(command, who, fence, stdin=None, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert popen.stdout is not None
    listen(popen.stdout.fileno())
    return popen


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
