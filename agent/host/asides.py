"""Small commands that run beside one another, each within its own time, and die with this process."""

from __future__ import annotations

import contextlib
import math
import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Container, Sequence
from contextlib import AbstractContextManager
from functools import partial

from msgspec import Struct, structs

from agent.errors import RunFailed
from agent.host import proc
from agent.host.kinship import die_with_parent
from agent.host.output import Tail, visible
from agent.host.programs import find
from agent.host.starting import listen, start
from agent.host.users import Account, account
from agent.ports import Command, Completed, Piped, Program

MARKER = "HOSTKEEPER_PROBES"
"""The variable by which what a process before this one has left behind is known."""

_LOOK_EVERY = 0.2
_MESSAGES = 4096


class Answer(Struct, frozen=True):
    """How a command ended, with its messages, and what it wrote: its first bytes; `cut` tells that there were more."""

    completed: Completed
    output: bytes
    cut: bool


class Asides:
    """Runs commands for any number of threads. This process becomes a subreaper, so that nothing of them escapes.

    A command is killed by the kernel when the thread that started it ends. A thread that runs one with a hung file
    system under it hangs with it: nobody else does.
    """

    def __init__(self) -> None:
        proc.become_subreaper()
        self._lock = threading.Lock()
        self._running: set[int] = set()
        self._mark = ""

    def claim(self, mark: str) -> None:
        """Mark all commands from now on, and kill those that a killed process of the same mark has left behind."""
        self._mark = mark
        proc.end(lambda: proc.marked(MARKER, mark), 1.0)

    def ask(self, command: Command, stop: Callable[[], bool], text: bytes = b"", most: int = 1 << 20) -> Answer:
        """Given a command and its standard input, run it to its end, its timeout, or until `stop()` is true.

        Of what it writes the first `most` bytes are kept; one that writes more is ended. Raises RunFailed when it
        cannot be started.
        """
        who = account(command.user)
        _require(command, who)
        begun = time.monotonic()
        mark = {MARKER: self._mark} if self._mark else {}
        marked = structs.replace(command, environment={**command.environment, **mark})
        die = partial(die_with_parent, signal.SIGKILL)
        source = os.memfd_create("input", os.MFD_CLOEXEC)
        try:
            os.write(source, text)
            os.lseek(source, 0, os.SEEK_SET)
            with self._lock:
                spared = frozenset(proc.children(os.getpid())) - self._running
                # What is called in the child asks the kernel for one thing, and needs no lock that a thread may hold.
                popen = start(marked, who, die, stdin=source, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                self._running.add(popen.pid)
        finally:
            os.close(source)
        reading = _Reading(popen, most)
        try:
            stopped, timed_out = reading.wait(command, stop)
        finally:
            survivors = self._end(popen, spared)
        reading.drain()
        completed = Completed(
            popen.returncode,
            reading.messages.text(),
            reading.messages.total,
            timed_out,
            time.monotonic() - begun,
            stopped,
            survivors,
        )
        return Answer(completed, bytes(reading.output[:most]), len(reading.output) > most)

    def run(self, command: Command, stop: Callable[[], bool]) -> Completed:
        """As `agent.ports.Processes.run`; of the output of a command its messages come last."""
        found = self.ask(command, stop, most=command.output_limit)
        output = visible(found.output) + found.completed.output
        return structs.replace(found.completed, output=output, output_bytes=len(output))

    def piped(self, programs: Sequence[Program], stop: Callable[[], bool]) -> AbstractContextManager[Piped]:
        """Refuse: programs that feed one another are for runs. Raises RunFailed."""
        del programs, stop
        raise RunFailed("a probe cannot run programs that feed one another")

    def _end(self, popen: subprocess.Popen[bytes], spared: Container[int]) -> tuple[int, ...]:
        """End all that a command has left, and reap it; return what even SIGKILL did not end.

        `spared` are children of this process that were there before it, and are no commands.
        """
        pid = popen.pid

        def left() -> list[proc.Process]:
            with self._lock:
                others = self._running - {pid}
                ours = [child for child in proc.children(os.getpid()) if child not in others and child not in spared]
            # Orphans of other commands that are still at work are theirs to keep.
            found = [one for one in proc.descendants(ours) if one.session == pid or one.session not in others]
            return [one for one in found if not (one.dead and one.pid == pid)]

        survivors = proc.end(left, 1.0, keep=(pid,))
        with contextlib.suppress(subprocess.TimeoutExpired):
            popen.wait(0.5)
        if popen.returncode is None:
            popen.returncode = -signal.SIGKILL
        with self._lock:
            self._running.discard(pid)
        return tuple(one.pid for one in survivors if one.pid != pid or popen.returncode is None)

    def end_all(self) -> None:
        """Kill every command that runs, and whatever they have started."""
        for process in proc.descendants(proc.children(os.getpid())):
            proc.send(process, signal.SIGKILL)


class _Reading:
    """What a command writes, as it comes."""

    def __init__(self, popen: subprocess.Popen[bytes], most: int) -> None:
        assert popen.stdout is not None
        assert popen.stderr is not None
        self._popen = popen
        self._most = most
        self._ends: dict[int, object] = {popen.stdout.fileno(): popen.stdout, popen.stderr.fileno(): popen.stderr}
        self._out, self._err = self._ends
        for descriptor in self._ends:
            listen(descriptor)
        self.output = bytearray()
        self.messages = Tail(_MESSAGES)

    def wait(self, command: Command, stop: Callable[[], bool]) -> tuple[bool, bool]:
        """Read until the main process ends or its time is over; return (was stopped, timed out)."""
        deadline, kill_at = time.monotonic() + command.timeout, math.inf
        stopped = timed_out = False
        ended = os.pidfd_open(self._popen.pid)
        poller = select.poll()
        try:
            for descriptor in (ended, self._out, self._err):
                poller.register(descriptor, select.POLLIN)
            while True:
                patience = min(_LOOK_EVERY, max(0.0, min(deadline, kill_at) - time.monotonic()))
                ready = {fd for fd, _ in poller.poll(math.ceil(patience * 1000))}
                for descriptor in ready & {self._out, self._err}:
                    if not self._read(descriptor):
                        poller.unregister(descriptor)
                now = time.monotonic()
                if ended in ready or now >= kill_at:
                    return stopped, timed_out
                if kill_at == math.inf:
                    stopped = stop()
                    timed_out = not stopped and now >= deadline
                    if stopped or timed_out or len(self.output) > self._most:
                        with contextlib.suppress(ProcessLookupError, PermissionError):
                            os.killpg(self._popen.pid, signal.SIGTERM)
                        deadline, kill_at = math.inf, now + command.grace
        finally:
            os.close(ended)

    def _read(self, descriptor: int) -> bool:
        if descriptor == self._err:
            return self.messages.read(descriptor)
        try:
            chunk = os.read(descriptor, 1 << 16)
        except BlockingIOError:
            return True
        if len(self.output) <= self._most:
            self.output += chunk
        return bool(chunk)

    def drain(self) -> None:
        """Take what is left in the pipes, never wait for more, and close them."""
        self.messages.read(self._err)
        while len(self.output) <= self._most:
            before = len(self.output)
            if not self._read(self._out) or len(self.output) == before:
                break
        for stream in (self._popen.stdout, self._popen.stderr):
            assert stream is not None
            stream.close()


def _require(command: Command, who: Account) -> None:
    """Raise RunFailed for a program that is not there."""
    program = find(command.argv[0], command.environment.get("PATH", ""), command.directory, who)
    if program.problem:
        raise RunFailed(f"cannot run {command.argv[0]}: {program.problem}")
