"""Programs at work together, while this process reads and writes the other ends of their pipes."""

from __future__ import annotations

import contextlib
import math
import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Self

from msgspec import Struct, structs

from agent.host.credentials import lent
from agent.host.output import Tail
from agent.host.starting import listen, start
from agent.host.users import account
from agent.ports import Command, Completed, Program

_LOOK_EVERY = 0.1


class Started(Struct):
    """A program at work; `kill_at` is when the patience ends with which it was asked to end."""

    command: Command
    popen: subprocess.Popen[bytes]
    pidfd: int
    begun: float
    tail: Tail
    seconds: float = 0.0
    stopped: bool = False
    timed_out: bool = False
    kill_at: float = math.inf
    ended: bool = False

    @property
    def errors(self) -> int | None:
        """The descriptor that its messages come from, None when somebody else hears them."""
        return None if self.popen.stderr is None else self.popen.stderr.fileno()

    def send(self, *numbers: signal.Signals) -> None:
        """Send signals to its process group; a group that has gone, or is another user's, is left alone."""
        for number in numbers:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.popen.pid, number)


def start_all(programs: Sequence[Program], fence: Callable[[], object] | None) -> tuple[tuple[Started, ...], ExitStack]:
    """Start programs in order; return them, and what gives back the credentials that they were lent.

    Raises RunFailed when one cannot be started; those before it are ended then.
    """
    started: list[Started] = []
    with ExitStack() as stack:
        try:
            started.extend(_begin(program, fence, stack) for program in programs)
        except BaseException:
            for one in started:
                one.send(signal.SIGKILL)
                one.popen.wait()
                _close(one)
            raise
        return tuple(started), stack.pop_all()


def _begin(program: Program, fence: Callable[[], object] | None, stack: ExitStack) -> Started:
    command = program.command
    who = account(command.user)
    lending = stack.enter_context(lent(command.credentials, who))
    command = structs.replace(command, environment={**command.environment, **lending})
    stdout = subprocess.DEVNULL if program.stdout is None else program.stdout
    stderr = subprocess.PIPE if program.stderr is None else program.stderr
    popen = start(command, who, fence, stdin=program.stdin, stdout=stdout, stderr=stderr)
    one = Started(command, popen, os.pidfd_open(popen.pid), time.monotonic(), Tail(command.output_limit))
    if one.errors is not None:
        listen(one.errors)
    return one


def _close(one: Started) -> None:
    os.close(one.pidfd)
    if one.popen.stderr is not None:
        one.popen.stderr.close()


class Pipeline:
    """`agent.ports.Piped`. A thread beside the caller keeps time, hears the programs' messages and asks them to end.

    `copy` is a descriptor that gets their messages as they come, None for nowhere.
    """

    def __init__(
        self, started: tuple[tuple[Started, ...], ExitStack], copy: int | None, stop: Callable[[], bool]
    ) -> None:
        self.completed: tuple[Completed, ...] = ()
        self._programs, self._lent = started
        for one in self._programs:
            one.tail = Tail(one.command.output_limit, copy)
        self._stop = stop
        self._abandoned = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="pipeline", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            self._abandoned.set()
        self._thread.join()

    def unreaped(self) -> tuple[int, ...]:
        """Return the ids of the main processes, which stay their own until they are reaped."""
        return tuple(one.popen.pid for one in self._programs)

    def settle(self, survivors: tuple[int, ...]) -> None:
        """Given what could not be ended, reap the main processes, and tell how each ended."""
        self._lent.close()
        self.completed = tuple(_completed(one, survivors) for one in self._programs)

    def _watch(self) -> None:
        """Until every main process has ended: hear messages, and see to stops, timeouts and the end of patience."""
        poller = select.poll()
        for one in self._programs:
            poller.register(one.pidfd, select.POLLIN)
            if one.errors is not None:
                poller.register(one.errors, select.POLLIN)
        while not all(one.ended for one in self._programs):
            ready = {descriptor for descriptor, _ in poller.poll(_LOOK_EVERY * 1000)}
            now = time.monotonic()
            stopped = self._stop()
            for one in self._programs:
                if one.errors is not None and one.errors in ready and not one.tail.read(one.errors):
                    poller.unregister(one.errors)
                if not one.ended and one.pidfd in ready:
                    one.ended, one.seconds = True, now - one.begun
                    poller.unregister(one.pidfd)
                elif not one.ended:
                    self._press(one, now, stopped=stopped)

    def _press(self, one: Started, now: float, *, stopped: bool) -> None:
        if self._abandoned.is_set() or now >= one.kill_at:
            one.send(signal.SIGKILL)
        elif one.kill_at == math.inf:
            one.stopped = stopped
            one.timed_out = not stopped and now - one.begun >= one.command.timeout
            if one.stopped or one.timed_out:
                # A halted process would see the request only when somebody wakes it.
                one.send(signal.SIGTERM, signal.SIGCONT)
                one.kill_at = now + one.command.grace


def _completed(one: Started, survivors: tuple[int, ...]) -> Completed:
    code = one.popen.poll()
    if code is None:
        # What SIGKILL cannot end cannot be waited for; whoever inherits it will reap it.
        one.popen.returncode = code = -signal.SIGKILL
    # Somebody out of reach may hold the other end of the pipe: what is there is taken, more is not waited for.
    if one.errors is not None:
        one.tail.read(one.errors, most=64)
    _close(one)
    return Completed(code, one.tail.text(), one.tail.total, one.timed_out, one.seconds, one.stopped, survivors)
