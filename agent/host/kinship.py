"""Processes that end with the one that started them."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
from collections.abc import Sequence

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)
_CHUNK = 1 << 18
_PATIENCE = 0.5


def die_with_parent(number: signal.Signals) -> None:
    """Have the kernel send this process a signal once the thread that started it has ended (prctl(2))."""
    if _LIBC.prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "cannot ask to be told of the parent's end")


class Companion:
    """A process that works beside this one for as long as it is wanted: told by `tell`, heard by `hear`.

    Its standard input is a socket on which messages arrive as descriptors of files in memory, so that telling never
    waits, however long the message and however slow the companion. Its standard output is read without waiting.
    """

    def __init__(self, argv: Sequence[str]) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._process = subprocess.Popen(argv, stdin=theirs.fileno(), stdout=subprocess.PIPE)
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        self._way = ours
        ours.setblocking(False)
        assert self._process.stdout is not None
        self._output = self._process.stdout
        os.set_blocking(self._output.fileno(), False)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def fileno(self) -> int:
        """Return the descriptor that is readable when it has said something, or has ended."""
        return self._output.fileno()

    def tell(self, message: bytes) -> bool:
        """Given a message, send it; return False where it takes none any more."""
        source = os.memfd_create("message", os.MFD_CLOEXEC)
        try:
            view = memoryview(message)
            while view:
                view = view[os.write(source, view) :]
            os.lseek(source, 0, os.SEEK_SET)
            socket.send_fds(self._way, [b"\n"], [source])
        except OSError:
            return False
        finally:
            os.close(source)
        return True

    def hear(self) -> bytes | None:
        """Return what it has said: None when there is nothing yet, empty when it says no more."""
        try:
            return os.read(self._output.fileno(), _CHUNK)
        except BlockingIOError:
            return None

    def end(self, *, kill: bool = False) -> str:
        """End it; return how it ended, as words, or "" when it ended well. `kill` does not let it see to that itself.

        One that does not end by itself within half a second is killed.
        """
        if kill:
            self._process.kill()
        self._way.close()
        self._output.close()
        try:
            code = self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            try:
                code = self._process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                # It waits in the kernel for what never comes; it is reaped when it has ended.
                return "a wait that even a kill does not end"
        if code < 0:
            return f"signal {-code}"
        return f"exit code {code}" if code else ""


def received(descriptor: int, longest: int) -> bytes | None:
    """Given a companion's standard input, return the next message, None once the other side has gone.

    Raises ValueError for one that is longer than `longest` bytes.
    """
    with socket.socket(fileno=os.dup(descriptor)) as way:
        data, descriptors, _, _ = socket.recv_fds(way, 1, 1)
    if not data or not descriptors:
        return None
    with open(descriptors[0], "rb") as file:
        message = file.read(longest + 1)
    if len(message) > longest:
        raise ValueError(f"a message of more than {longest} bytes")
    return message
