"""Addresses to listen on: `127.0.0.1:9750`, `[::1]:9750`, `unix:/run/hostkeeper/metrics.sock`."""

from __future__ import annotations

import errno
import os
import socket
import stat

from agent.errors import AgentError

BACKLOG = 4096
"""Connections that wait to be accepted; the kernel lowers it to net.core.somaxconn."""


def listen(address: str) -> socket.socket:
    """Given an address, return a non-blocking listening socket; AgentError says what is wrong and what would do."""
    if address.startswith("unix:"):
        return _listen_unix(address.removeprefix("unix:"))
    family, host, port = _host_and_port(address)
    listener = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    return _bound(listener, (host, port), address)


def address_of(listener: socket.socket) -> str:
    """Given a listening socket, return its address in the notation of `listen`, with the port that was taken."""
    name = listener.getsockname()
    if listener.family == socket.AF_UNIX:
        return f"unix:{name}"
    return f"[{name[0]}]:{name[1]}" if listener.family == socket.AF_INET6 else f"{name[0]}:{name[1]}"


def _host_and_port(address: str) -> tuple[socket.AddressFamily, str, int]:
    host, _, port = address.rpartition(":")
    family = socket.AF_INET6 if host.startswith("[") and host.endswith("]") else socket.AF_INET
    host = "127.0.0.1" if host == "localhost" else host.removeprefix("[").removesuffix("]")
    if not (port.isascii() and port.isdigit() and int(port) <= 65535):
        raise _mistaken(address)
    try:
        socket.inet_pton(family, host)
    except (OSError, ValueError) as error:
        raise _mistaken(address) from error
    return family, host, int(port)


def _mistaken(address: str) -> AgentError:
    return AgentError(
        f"cannot listen on {address!r}: write an address and a port such as 127.0.0.1:9750 or [::1]:9750, "
        "or a socket such as unix:/run/hostkeeper/metrics.sock"
    )


def _listen_unix(path: str) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    _remove_if_stale(path)
    bound = _bound(listener, path, f"unix:{path}")
    os.chmod(path, 0o660)
    return bound


def _remove_if_stale(path: str) -> None:
    """Given the path of a socket whose server has gone without removing it, remove it."""
    try:
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            return
    except OSError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as probe:
        if probe.connect_ex(path) == errno.ECONNREFUSED:
            os.unlink(path)


def _bound(listener: socket.socket, where: tuple[str, int] | str, address: str) -> socket.socket:
    try:
        listener.bind(where)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        advice = {
            errno.EADDRINUSE: "another program uses it; give this agent another one",
            errno.EADDRNOTAVAIL: "this host has no such address",
            errno.EACCES: "this user may not use it; ports below 1024 are root's",
        }.get(error.errno or 0, error.strerror or str(error))
        raise AgentError(f"cannot listen on {address}: {advice}") from error
    return listener
