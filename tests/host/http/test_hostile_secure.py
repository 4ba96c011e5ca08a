"""The server under TLS and with passwords, with hostile clients: others are still served within their deadline."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import bcrypt
import pytest

from tests.certificates import Authority
from tests.host.http.client import Answer, Served, authorized, basic, closed, served
from tests.host.http.test_hostile import MEBIBYTE, crowd

COST = 10
"""What `htpasswd -B` is advised to use; a check takes some 50 ms."""

PAUSE = 0.001
"""Seconds between two clients of a crowd: 1,000 a second, while this host is busy with other tests too."""

DEADLINE = 2.0
"""Seconds; a tenth of what Prometheus allows, since other tests may run beside this one."""


@pytest.fixture(scope="module")
def web(authority: Authority) -> dict[str, Any]:
    return {
        "tls_server_config": {
            "cert_file": f"{authority.place}/server.crt",
            "key_file": f"{authority.place}/server.key",
        },
        "basic_auth_users": {"prometheus": bcrypt.hashpw(b"secret", bcrypt.gensalt(COST)).decode()},
    }


@contextmanager
def secured(authority: Authority, web: dict[str, Any], **settings: Any) -> Iterator[Served]:
    """Start a server process under TLS that asks for passwords; scrapes give the right one."""
    with served(web=web, **settings) as server:
        server.context = ssl.create_default_context(cafile=str(authority.ca))
        server.authorization = basic("prometheus", "secret")
        yield server


@contextmanager
def scraping(server: Served, authority: Authority) -> Iterator[list[float]]:
    """Scrape all the time while the body runs; when it has run, the list holds how long each scrape took."""
    settings = {"address": server.address, "cafile": str(authority.ca), "authorization": server.authorization}
    command = [sys.executable, "-m", "tests.host.http.scraper"]
    times: list[float] = []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(settings) + "\n")
        process.stdin.flush()
        times.append(float(process.stdout.readline()))
        yield times
        process.stdin.close()
        times += map(float, process.stdout)
    assert process.returncode == 0


def hello(context: ssl.SSLContext) -> bytes:
    """Return the first words of a client under TLS."""
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(back, there, server_hostname="localhost").do_handshake()
    return there.read()


@pytest.mark.parametrize("addresses", [1, 200])
@pytest.mark.parametrize("begun", ["not at all", "in part", "up to its end"])
def test_a_thousand_unfinished_handshakes_do_not_stop_another_scrape(
    authority: Authority, web: dict[str, Any], begun: str, addresses: int
) -> None:
    with secured(authority, web) as server:
        server.scrape()
        memory = server.resident_bytes
        assert server.context is not None
        whole = hello(server.context)
        start = {"not at all": b"", "in part": whole[:60], "up to its end": whole}[begun]
        with scraping(server, authority) as times, crowd(server, 1000, start, addresses, pause=PAUSE):
            server.scrape()
        assert max(times) < DEADLINE
        assert server.threads == 4  # the main one, the server's, and one each for handshakes and passwords
        assert server.resident_bytes - memory < 40 * MEBIBYTE


def test_plain_requests_to_the_port_do_not_stop_another_scrape(authority: Authority, web: dict[str, Any]) -> None:
    with secured(authority, web) as server:
        server.scrape()
        with scraping(server, authority) as times:
            for _ in range(1000):
                with server.connect("127.0.0.2") as client:
                    client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                    assert Answer.read(client).status == 400
        assert max(times) < DEADLINE


@contextmanager
def flood(server: Served, source: str, clients: int = 40) -> Iterator[list[int]]:
    """Try passwords from an address, each once, over as many connections at a time as told; yield the answers."""
    statuses: list[int] = []
    done = threading.Event()

    def guess(number: int) -> None:
        tried = 0
        while not done.is_set():
            tried += 1
            with contextlib.suppress(OSError), server.connect(source) as sock, under_tls(server, sock) as client:
                client.sendall(authorized(basic("prometheus", f"{number} {tried}")))
                statuses.append(Answer.read(client).status)

    threads = [threading.Thread(target=guess, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield statuses
    finally:
        done.set()
        for thread in threads:
            thread.join()


def under_tls(server: Served, sock: socket.socket) -> ssl.SSLSocket:
    assert server.context is not None
    return server.context.wrap_socket(sock, server_hostname="localhost")


def test_a_flood_of_bad_passwords_does_not_stop_a_scrape_from_the_same_address(
    authority: Authority, web: dict[str, Any]
) -> None:
    with secured(authority, web) as server:
        server.scrape()
        with flood(server, "127.0.0.1") as statuses, scraping(server, authority) as times:
            time.sleep(3)
        assert set(statuses) == {401}
        assert max(times) < DEADLINE


def test_a_flood_of_bad_passwords_does_not_stop_the_first_scrape_of_another_address(
    authority: Authority, web: dict[str, Any]
) -> None:
    with secured(authority, web) as server, flood(server, "127.0.0.2") as statuses:
        deadline = time.monotonic() + 10
        while len(statuses) < 5:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert server.scrape() < DEADLINE
        assert server.threads == 4


def test_who_tries_too_many_passwords_at_once_is_told_to_wait(authority: Authority, web: dict[str, Any]) -> None:
    with secured(authority, web, limits={"checks_of_peer": 3}) as server, flood(server, "127.0.0.2", 10) as statuses:
        deadline = time.monotonic() + 10
        while 503 not in statuses:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert server.scrape() < DEADLINE


def test_client_that_leaves_while_its_password_is_checked_leaves_nothing_behind(
    authority: Authority, web: dict[str, Any]
) -> None:
    with secured(authority, web) as server:
        server.scrape()
        before = server.descriptors
        for number in range(20):
            with server.connect("127.0.0.2") as sock, under_tls(server, sock) as client:
                client.sendall(authorized(basic("prometheus", f"wrong {number}")))
        deadline = time.monotonic() + 10
        while server.descriptors > before:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert server.scrape() < DEADLINE


def test_client_that_takes_its_time_over_the_handshake_is_cut_off(authority: Authority, web: dict[str, Any]) -> None:
    with secured(authority, web, limits={"handshake": 0.3}) as server, server.connect() as client:
        assert server.context is not None
        client.sendall(hello(server.context))
        started = time.monotonic()
        assert closed(client)
        assert time.monotonic() - started < 30
