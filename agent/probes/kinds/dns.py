"""Asks a server of DNS, and compares what it says."""

from __future__ import annotations

import ipaddress
import secrets
import socket
import struct
import time
from collections.abc import Callable

from agent.host.output import visible
from agent.host.wires import Addresses, CannotTell, Deadline, NoAnswer, Stream, connect, look_up, send
from agent.probes.answers import Down, given
from agent.probes.group import Measured
from agent.probes.kind import Kind, Settings, Tools
from agent.rules.dns import CODES, BadMessage, Reply, question, reply

RESOLVERS = "/etc/resolv.conf"
TRIES = 3
"""How often a question is sent by UDP within the time there is: packets get lost."""


class Dns:
    """One question. `resolvers` is the file that names the host's own servers."""

    def __init__(self, settings: Settings, resolvers: str = RESOLVERS) -> None:
        self._settings = settings
        self._resolvers = resolvers

    def measure(self, timeout: float) -> Measured:
        """Ask once."""
        name, kind = self._settings["name"], self._settings["type"]
        deadline = Deadline(timeout)
        server = self._server()
        began = time.monotonic()
        try:
            found = self._asked(server, deadline)
        except (NoAnswer, BadMessage) as error:
            raise Down(str(error)) from error
        samples = given(
            {"latency_seconds": time.monotonic() - began, "answers": len(found.values), "ttl_seconds": found.ttl}
        )
        if found.code:
            raise Down(CODES.get(found.code, f"code {found.code}"), samples)
        missing = [one for one in self._settings["expect"] if _alike(one) not in map(_alike, found.values)]
        if not found.values:
            raise Down(f"it knows no {kind} of {name}", samples)
        if missing:
            said = visible(", ".join(found.values))[:200]
            raise Down(f"{', '.join(missing)} is not among the answers: {said}", samples)
        return Measured(samples)

    def _server(self) -> Addresses:
        server = self._settings["server"] or _first_server(self._resolvers)
        try:
            return look_up(server, self._settings["port"], socket.SOCK_DGRAM)
        except NoAnswer as error:
            raise CannotTell(str(error)) from error

    def _asked(self, server: Addresses, deadline: Deadline) -> Reply:
        name, kind = self._settings["name"], self._settings["type"]
        number = secrets.randbelow(1 << 16)
        message = question(number, name, kind, recursive=self._settings["recursive"])
        found = _by_udp(server, message, deadline, lambda data: reply(data, number, name, kind))
        if found.truncated:
            found = reply(_by_tcp(server, message, deadline), number, name, kind)
        return found


def _alike(value: str) -> str:
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        return value.rstrip(".").lower()


def _first_server(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            words = [line.split() for line in file.read(1 << 16).splitlines()]
    except OSError as error:
        raise CannotTell(f"{path} cannot be read: {error.strerror}; name a `server`") from error
    servers = [line[1] for line in words if len(line) > 1 and line[0] == "nameserver"]
    return servers[0] if servers else "127.0.0.1"


def _by_udp(server: Addresses, message: bytes, deadline: Deadline, read: Callable[[bytes], Reply]) -> Reply:
    family, address = server.found[0]
    pause = deadline.left() / TRIES
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(address)
            sock.send(message)
            again = time.monotonic() + pause
            while True:
                sock.settimeout(max(0.001, min(deadline.left(), again - time.monotonic())))
                try:
                    return read(sock.recv(65535))
                except TimeoutError:
                    deadline.left()
                    sock.send(message)
                    again = time.monotonic() + pause
                except BadMessage:
                    # Anybody may send to this port; the answer that counts may still come.
                    if time.monotonic() + 0.001 >= again:
                        raise
        except TimeoutError as error:
            raise NoAnswer("no answer in time") from error
        except OSError as error:
            raise NoAnswer(f"no answer: {error.strerror}") from error


def _by_tcp(server: Addresses, message: bytes, deadline: Deadline) -> bytes:
    sock, _ = connect(server, deadline)
    with sock:
        send(sock, struct.pack("!H", len(message)) + message, deadline)
        stream = Stream(sock, deadline, 1 << 17)
        size = struct.unpack("!H", _exactly(stream, 2))[0]
        return _exactly(stream, size)


def _exactly(stream: Stream, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = stream.read(size - len(data))
        if not more:
            raise NoAnswer("the answer ends early")
        data += more
    return data


def connect_to(_name: str, settings: Settings, _tools: Tools) -> Dns:
    """Return the probe."""
    return Dns(settings)


KIND = Kind(connect=connect_to)
