"""Connections to others that may be slow, silent or hostile: every wait ends at one deadline."""

from __future__ import annotations

import contextlib
import functools
import io
import os
import select
import socket
import ssl
import time
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from agent.errors import AgentError

MOST_CONTEXTS = 16
"""So many settings for TLS are kept ready for the next connection."""


class NoAnswer(AgentError):
    """The other side did not answer as it should: refused, silent, broken. The message says what it did."""


class CannotTell(AgentError):
    """It is not the other side that is at fault, as far as one can tell: nothing is known of it."""


class Deadline:
    """The instant at which all waiting ends, `seconds` from now."""

    def __init__(self, seconds: float) -> None:
        self._at = time.monotonic() + seconds
        self._seconds = seconds

    def left(self) -> float:
        """Return how many seconds are left. Raises NoAnswer when there are none."""
        left = self._at - time.monotonic()
        if left <= 0:
            raise NoAnswer(f"no complete answer within {self._seconds:g} s")
        return left


class Tls(Struct, frozen=True, kw_only=True):
    """How a server proves who it is: by authorities in `ca_file`, or the host's own; not at all without `verify`.

    `server_name` is asked for instead of the name that is connected to; `cert_file` and `key_file` prove who we are.
    """

    ca_file: str | None = None
    verify: bool = True
    server_name: str | None = None
    cert_file: str | None = None
    key_file: str | None = None


def tls_of(settings: Mapping[str, Any]) -> Tls:
    """Given the TLS settings of a policy, return them."""
    return Tls(
        **{name: settings.get(name) for name in Tls.__struct_fields__ if name != "verify"}, verify=settings["verify"]
    )


def context_of(tls: Tls) -> ssl.SSLContext:
    """Given the settings, return a context for a client, which others may have too: it is not to be changed.

    Raises CannotTell for files that cannot be used.
    """
    known = ssl.get_default_verify_paths()
    paths = (tls.ca_file or known.cafile, None if tls.ca_file else known.capath, tls.cert_file, tls.key_file)
    return _context(tls, tuple([_stamp(path) for path in paths]))


def _stamp(path: str | None) -> tuple[int, ...]:
    """Return what changes when a file or directory does; nothing of one that cannot be looked at."""
    try:
        found = os.stat(path) if path is not None else None
    except OSError:
        return ()
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns) if found else ()


@functools.lru_cache(maxsize=MOST_CONTEXTS)
def _context(tls: Tls, _stamps: tuple[tuple[int, ...], ...]) -> ssl.SSLContext:
    """Make a context, which is kept as long as its files stay as they are: to read all authorities takes long."""
    try:
        context = ssl.create_default_context(cafile=tls.ca_file)
        if tls.cert_file:
            context.load_cert_chain(tls.cert_file, tls.key_file, password=lambda: b"")
    except OSError as error:
        path = tls.ca_file if tls.cert_file is None else f"{tls.cert_file} or {tls.ca_file}"
        raise CannotTell(f"{path} cannot be used for TLS: {error.strerror or error}") from error
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


class Addresses(Struct, frozen=True):
    """What a name was looked up to: (family, address) pairs in order of preference, and how many seconds it took."""

    found: tuple[tuple[int, Any], ...]
    seconds: float


def look_up(host: str, port: int, kind: int = socket.SOCK_STREAM) -> Addresses:
    """Given a name or address and a port, look it up by the host's own means, which have a time limit of their own.

    Raises NoAnswer where there is no such name, CannotTell where nobody could say.
    """
    began = time.monotonic()
    try:
        found = socket.getaddrinfo(host, port, type=kind)
    except socket.gaierror as error:
        if error.errno in (socket.EAI_NONAME, socket.EAI_NODATA):
            raise NoAnswer(f"there is no host {host}") from error
        raise CannotTell(f"{host} cannot be looked up: {error.strerror}") from error
    except (UnicodeError, OSError) as error:
        raise CannotTell(f"{host} cannot be looked up: {error}") from error
    return Addresses(tuple([(family, address) for family, _, _, _, address in found]), time.monotonic() - began)


def connect(addresses: Addresses, deadline: Deadline) -> tuple[socket.socket, float]:
    """Connect to the first address that lets us; return the socket and how many seconds it took. Raises NoAnswer."""
    began = time.monotonic()
    why: OSError | None = None
    for tried, (family, address) in enumerate(addresses.found):
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            # One address that swallows everything leaves time for the others.
            sock.settimeout(deadline.left() / (len(addresses.found) - tried))
            sock.connect(address)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            why = error
            sock.close()
        except BaseException:
            sock.close()
            raise
        else:
            return sock, time.monotonic() - began
    deadline.left()
    said = "no answer in time" if isinstance(why, TimeoutError) else getattr(why, "strerror", None) or why
    raise NoAnswer(f"cannot connect: {said}")


def secured(sock: socket.socket, context: ssl.SSLContext, name: str, deadline: Deadline) -> tuple[ssl.SSLSocket, float]:
    """Shake hands for TLS with a server of that name; return the socket and how many seconds it took.

    Raises NoAnswer.
    """
    began = time.monotonic()
    tls = context.wrap_socket(sock, server_hostname=name, do_handshake_on_connect=False, suppress_ragged_eofs=False)
    try:
        # A timeout of its own for each read would let a server that drips go on for ever.
        _shake_hands(tls, deadline)
    except BaseException as error:
        tls.close()
        if isinstance(error, ssl.SSLCertVerificationError):
            raise NoAnswer(f"its certificate is not to be trusted: {error.verify_message}") from error
        if isinstance(error, OSError):
            deadline.left()
            raise NoAnswer(f"no TLS with it: {getattr(error, 'reason', None) or error}") from error
        raise
    return tls, time.monotonic() - began


def _shake_hands(tls: ssl.SSLSocket, deadline: Deadline) -> None:
    tls.settimeout(0.0)
    poll = select.poll()
    poll.register(tls, select.POLLIN | select.POLLOUT)
    while True:
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            poll.modify(tls, select.POLLIN)
        except ssl.SSLWantWriteError:
            poll.modify(tls, select.POLLOUT)
        else:
            return
        poll.poll(1000 * deadline.left())


class Stream(io.RawIOBase):
    """A socket as a stream whose reads end at a deadline. It gives no more than `most` bytes. Raises NoAnswer."""

    def __init__(self, sock: socket.socket, deadline: Deadline, most: int) -> None:
        super().__init__()
        self._sock = sock
        self._deadline = deadline
        self._left = most
        self.first: float | None = None

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what there is, at least a byte unless it is the end."""
        if self._left <= 0:
            raise NoAnswer("it says more than it may")
        self._sock.settimeout(self._deadline.left())
        try:
            count = self._sock.recv_into(memoryview(buffer)[: self._left])
        except TimeoutError:
            self._deadline.left()
            raise NoAnswer("no complete answer in time") from None
        except OSError as error:
            raise NoAnswer(f"the connection broke: {error.strerror or error}") from error
        if self.first is None:
            self.first = time.monotonic()
        self._left -= count
        return count


def send(sock: socket.socket, data: bytes, deadline: Deadline) -> None:
    """Send all of it. Raises NoAnswer."""
    try:
        sock.settimeout(deadline.left())
        sock.sendall(data)
    except OSError as error:
        deadline.left()
        raise NoAnswer(f"it takes no request: {error.strerror or error}") from error


def certificate_of(sock: socket.socket) -> bytes | None:
    """Return the certificate that the other side showed, in DER; None without TLS."""
    with contextlib.suppress(ValueError):
        return sock.getpeercert(binary_form=True) if isinstance(sock, ssl.SSLSocket) else None
    return None
