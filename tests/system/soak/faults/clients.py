"""Scrapers that are slow, and clients that want something else than metrics."""

from __future__ import annotations

import random
import socket
import time
from contextlib import suppress

from tests.system.soak.faults.fault import Fault
from tests.system.soak.world import SoakWorld

SLOW = 150
ANSWERED_WITHIN = 3.0

HOSTILE = (
    b"\0" * 4096,
    b"GET " + b"/" * 20_000 + b" HTTP/1.1\r\n\r\n",
    b"GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
    b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n" + b"x" * 4096,
    b"GET /metrics HTTP/1.1\r\n" + b"X-A: b\r\n" * 5000 + b"\r\n",
    b"GET /metrics HTTP/9.9\r\nHost: x\r\n\r\n",
    b"GET /metrics HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 200,
    b"DELETE / HTTP/1.1\r\n\r\n",
    "GET /métriques HTTP/1.1\r\nHost: x\r\n\r\n".encode(),
    b"\r\n\r\n\r\n",
)


def connected(world: SoakWorld) -> socket.socket:
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(2)
    client.connect(f"{world.place}/metrics.sock")
    return client


def scrape_is_answered(world: SoakWorld) -> None:
    """One who behaves is answered while others do not."""
    world.wait(lambda: world.agent.get("/metrics")[0] == 200, "for a scrape among others", ANSWERED_WITHIN)


def slow(world: SoakWorld, chance: random.Random) -> str:
    """Half of them never ask to the end, the others ask and read next to nothing."""
    clients: list[socket.socket] = []
    try:
        for number in range(SLOW):
            with suppress(OSError):
                client = connected(world)
                clients.append(client)
                client.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n" + (b"\r\n" if number % 2 else b"X-"))
        seconds = chance.uniform(2, 5)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            scrape_is_answered(world)
            for client in clients[1::2]:
                with suppress(OSError):
                    client.recv(1)
            world.live_for(0.5)
    finally:
        for client in clients:
            client.close()
    return f"{len(clients)} clients, {seconds:.1f} s"


def hostile(world: SoakWorld, chance: random.Random) -> str:
    for request in chance.sample(HOSTILE, 6):
        with suppress(OSError), connected(world) as client:
            client.sendall(request)
            if chance.random() < 0.7:
                while client.recv(65536):
                    pass
    scrape_is_answered(world)
    return ""


FAULTS = (Fault("slow scrapers", slow), Fault("hostile scrapers", hostile))
