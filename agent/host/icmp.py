"""Echo requests of ICMP, by the sockets that every user may have, or by raw ones."""

from __future__ import annotations

import os
import secrets
import select
import socket
import struct
import time
from typing import Any

from msgspec import Struct

from agent.host.wires import Addresses, CannotTell, Deadline, NoAnswer

_PAYLOAD = 56
_ECHO = {socket.AF_INET: (8, 0, socket.IPPROTO_ICMP), socket.AF_INET6: (128, 129, socket.IPPROTO_ICMPV6)}


class Echoes(Struct, frozen=True):
    """How many requests were sent, and after how many seconds each answer came."""

    sent: int
    seconds: tuple[float, ...]


def echo(addresses: Addresses, count: int, every: float, deadline: Deadline) -> Echoes:
    """Ask an address `count` times, `every` so many seconds, and wait for the answers until the deadline.

    Raises NoAnswer where it cannot be sent, CannotTell where this process may not ask.
    """
    family, address = addresses.found[0]
    request, answer, protocol = _ECHO[socket.AddressFamily(family)]
    sock, raw = _socket(family, protocol)
    mark, key = secrets.token_bytes(_PAYLOAD), os.getpid() & 0xFFFF
    sent: dict[int, float] = {}
    came: dict[int, float] = {}
    with sock:
        sock.setblocking(False)
        poll = select.poll()
        poll.register(sock, select.POLLIN)
        started = time.monotonic()
        while len(came) < count:
            now = time.monotonic()
            if len(sent) < count and now >= started + every * len(sent):
                sent[len(sent)] = now
                _send(sock, _packet(request, key, len(sent) - 1, mark), address)
                continue
            waiting = [started + every * len(sent) - now] if len(sent) < count else []
            try:
                poll.poll(1000 * max(0.0, min([deadline.left(), *waiting])) + 1)
            except NoAnswer:
                break
            for number in _arrived(sock, answer, mark, stripped=not raw or family == socket.AF_INET6):
                if number in sent and number not in came:
                    came[number] = time.monotonic() - sent[number]
    return Echoes(len(sent), tuple(came.values()))


def _socket(family: int, protocol: int) -> tuple[socket.socket, bool]:
    try:
        return socket.socket(family, socket.SOCK_DGRAM, protocol), False
    except PermissionError:
        pass
    except OSError as error:
        raise CannotTell(f"no ICMP here: {error.strerror}") from error
    try:
        return socket.socket(family, socket.SOCK_RAW, protocol), True
    except OSError as error:
        raise CannotTell("this process may not send pings: set net.ipv4.ping_group_range to `0 2147483647`") from error


def _send(sock: socket.socket, packet: bytes, address: tuple[Any, ...]) -> None:
    try:
        sock.sendto(packet, address)
    except OSError as error:
        raise NoAnswer(f"cannot be reached: {error.strerror}") from error


def _packet(kind: int, key: int, number: int, mark: bytes) -> bytes:
    head = struct.pack("!BBHHH", kind, 0, 0, key, number)
    # For IPv6 and for sockets of users the kernel writes the sum itself.
    return struct.pack("!BBHHH", kind, 0, _sum(head + mark), key, number) + mark


def _sum(data: bytes) -> int:
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return int(~total & 0xFFFF)


def _arrived(sock: socket.socket, answer: int, mark: bytes, *, stripped: bool) -> list[int]:
    """Return the numbers of our requests that answers have come for; what is not ours is passed over."""
    found: list[int] = []
    while True:
        try:
            data = sock.recv(2048)
        except BlockingIOError:
            return found
        except OSError as error:
            raise NoAnswer(f"cannot be reached: {error.strerror}") from error
        body = data if stripped else data[(data[0] & 0xF) * 4 :]
        if len(body) >= 8 and body[0] == answer and body[8:] == mark:
            found.append(struct.unpack("!H", body[6:8])[0])
