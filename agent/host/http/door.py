"""Where clients come in: accepting, also when this process has no descriptor left."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import socket
from collections.abc import Callable, Iterator, Sequence
from typing import Any

_AT_ONCE = 64
"""Connections that are accepted before the others are attended to again."""

_CLOSED_FOR = 0.5
"""Seconds for which nobody is accepted when not even the spare descriptor helps."""

_OUT_OF_DESCRIPTORS = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Door:
    """The listening sockets. A spare descriptor is held back, so that a client can be turned away without one.

    A client that stays in the queue would wake the server at once again, for ever.
    """

    def __init__(self, listeners: Sequence[socket.socket], epoll: select.epoll) -> None:
        self._listeners = {listener.fileno(): listener for listener in listeners}
        self._epoll = epoll
        self._spare: int | None = _spare()
        self._held = False
        self._open = False
        self.opens_again: float | None = None
        self._watch()

    def is_listener(self, fd: int) -> bool:
        """Given a descriptor, tell whether clients come in through it."""
        return fd in self._listeners

    def accept(self, fd: int, now: float, make_room: Callable[[], bool]) -> Iterator[tuple[socket.socket, str]]:
        """Given a listener that is ready, yield the clients that wait, with a name for the peer each comes from.

        `make_room` ends a connection to win a descriptor, and tells whether there was one to end.
        """
        listener = self._listeners[fd]
        for _ in range(_AT_ONCE):
            try:
                sock, address = listener.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno not in _OUT_OF_DESCRIPTORS:
                    continue  # this client has gone before it was let in
                if not make_room() and not self._turn_away(listener):
                    self._close_for_a_while(now)
                    return
                continue
            sock.setblocking(False)
            yield sock, _peer(listener.family, address)

    def reopen(self, now: float) -> None:
        """Given the time, accept again if the door was closed for long enough."""
        if self.opens_again is not None and now >= self.opens_again:
            self.opens_again = None
            self._spare = self._spare if self._spare is not None else _spare()
            self._watch()

    def hold(self, held: bool) -> None:
        """Let nobody in for as long as it is held: whoever comes meanwhile waits in the kernel's queue."""
        if held != self._held:
            self._held = held
            self._watch()

    def close(self) -> None:
        """Close the listening sockets, and remove those that have a place in the file system."""
        for listener in self._listeners.values():
            if listener.family == socket.AF_UNIX:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(listener.getsockname())
            listener.close()
        if self._spare is not None:
            os.close(self._spare)

    def _turn_away(self, listener: socket.socket) -> bool:
        if self._spare is None:
            return False
        os.close(self._spare)
        with contextlib.suppress(OSError):
            listener.accept()[0].close()
        self._spare = _spare()
        return self._spare is not None

    def _close_for_a_while(self, now: float) -> None:
        self.opens_again = now + _CLOSED_FOR
        self._watch()

    def _watch(self) -> None:
        wanted = not self._held and self.opens_again is None
        if wanted != self._open:
            self._open = wanted
            for fd in self._listeners:
                if wanted:
                    self._epoll.register(fd, select.EPOLLIN)
                else:
                    self._epoll.unregister(fd)


def _spare() -> int | None:
    try:
        return os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None


def _peer(family: int, address: Any) -> str:
    """Given the address of a client, return the name under which its connections are counted together."""
    if family == socket.AF_UNIX:
        return "unix"
    host = str(address[0])
    if family == socket.AF_INET6:
        # A host usually has a whole /64 to itself.
        return socket.inet_pton(socket.AF_INET6, host.partition("%")[0])[:8].hex()
    return host
