"""The server with hostile and broken clients: others are still answered, and memory and threads stay bounded."""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tests.host.http.client import GET, Answer, Served, closed, eventually, served

MEBIBYTE = 1 << 20


@pytest.fixture(autouse=True)
def _many_descriptors() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def as_many_as_allowed(wanted: int) -> int:
    """Return how many connections of the wanted number this process may open."""
    return min(wanted, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 200)


@contextmanager
def crowd(
    server: Served, count: int, start: bytes, addresses: int = 200, pause: float = 0.0
) -> Iterator[list[socket.socket]]:
    """Open connections from some addresses, with pauses in between, and send the start of a request through each."""
    with ExitStack() as stack:
        clients = []
        for number in range(count):
            client = stack.enter_context(server.connect(f"127.0.0.{number % addresses + 1}"))
            client.setblocking(False)
            if start:
                with contextlib.suppress(OSError):
                    client.send(start)
            clients.append(client)
            time.sleep(pause)
        yield clients


@contextmanager
def scraping(server: Served) -> Iterator[list[float]]:
    """Scrape all the time while the body runs, and collect how long each scrape took."""
    times: list[float] = []
    done = threading.Event()

    def scrape() -> None:
        while not done.is_set():
            times.append(server.scrape())
            done.wait(0.02)

    thread = threading.Thread(target=scrape)
    thread.start()
    try:
        yield times
    finally:
        done.set()
        thread.join()


@pytest.mark.parametrize("addresses", [1, 200])
@pytest.mark.parametrize("start", [b"", GET[:25], b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"])
def test_ten_thousand_half_open_connections_do_not_stop_another_scrape(start: bytes, addresses: int) -> None:
    count = as_many_as_allowed(10_000)
    with served() as server:
        server.scrape()
        memory, threads = server.resident_bytes, server.threads
        with scraping(server) as times, crowd(server, count, start, addresses):
            after = server.scrape()
            assert server.descriptors < 600
        assert times
        assert max(*times, after) < 1.0
        assert server.resident_bytes - memory < 8 * MEBIBYTE
        assert server.threads == threads
    assert server.told["connections"] > count
    assert server.told["dropped"]["too_many"] + server.told["dropped"]["too_many_of_peer"] > count - 600


def test_half_open_connections_give_their_slots_back_in_time() -> None:
    with served(limits={"reading": 0.3}) as server:
        before = server.descriptors
        with crowd(server, 200, GET[:25]):
            assert eventually(lambda: server.descriptors == before)
    assert server.told["dropped"]["timeout"] == 200


def test_writers_of_single_bytes_are_cut_at_the_deadline_and_cost_nothing() -> None:
    with served(limits={"reading": 1.0}) as server, crowd(server, 200, b"G") as clients:
        started, cpu = time.monotonic(), server.cpu_seconds
        left = list(clients)
        while left and time.monotonic() - started < 30:
            for client in list(left):
                with contextlib.suppress(BlockingIOError):
                    try:
                        client.send(b"E")
                        if not client.recv(1000).endswith(b"HTTP"):
                            left.remove(client)
                    except ConnectionError:
                        left.remove(client)
            time.sleep(0.1)
        assert not left
        assert server.scrape() < 1.0
        assert server.cpu_seconds - cpu < 1.0
    assert server.told["dropped"]["timeout"] == 200


def test_readers_that_do_not_read_are_cut_at_the_deadline_and_others_served() -> None:
    with served(page_bytes=5 * MEBIBYTE, limits={"writing": 1.0}) as server, ExitStack() as stack:
        memory = server.resident_bytes
        clients = [stack.enter_context(server.connect("127.0.1.1", receive_buffer=4096)) for _ in range(300)]
        for client in clients:
            client.sendall(GET)
        with scraping(server) as times:
            assert eventually(lambda: server.descriptors < 20, 30.0)
        assert max(times) < 1.0
        assert server.resident_bytes - memory < 8 * MEBIBYTE
        assert all(map(closed, clients))
    assert server.told["dropped"]["timeout"] == 300


def test_reader_of_single_bytes_is_cut_at_the_deadline() -> None:
    with served(page_bytes=5 * MEBIBYTE, limits={"writing": 1.0}) as server:
        before = server.descriptors
        with server.connect(receive_buffer=4096) as client:
            client.sendall(GET)
            started = time.monotonic()
            for _ in range(10):
                assert client.recv(1)
                time.sleep(0.05)
            assert server.descriptors == before + 1
            assert eventually(lambda: bool(client.recv(1)) and server.descriptors == before, 30.0)
        assert time.monotonic() - started > 0.9
    assert server.told["dropped"]["timeout"] == 1


def test_one_peer_cannot_take_every_slot() -> None:
    with served(limits={"connections": 40, "connections_of_peer": 10}) as server, ExitStack() as stack:
        other = stack.enter_context(server.connect("127.0.1.2"))
        other.sendall(GET)
        assert Answer.read(other).status == 200
        for _ in range(100):
            stack.enter_context(server.connect("127.0.1.1"))
        server.scrape()  # behind all of them in the queue
        assert server.descriptors < 25
        other.sendall(GET)
        assert Answer.read(other).status == 200
    assert server.told["dropped"]["too_many_of_peer"] == 90


def test_connection_that_has_proved_itself_outlives_half_open_ones() -> None:
    with served(limits={"connections": 20}) as server, ExitStack() as stack:
        kept = stack.enter_context(server.connect())
        kept.sendall(GET)
        assert Answer.read(kept).status == 200
        for number in range(200):
            stack.enter_context(server.connect(f"127.0.1.{number + 1}"))
        kept.sendall(GET)
        assert Answer.read(kept).status == 200


@pytest.mark.parametrize(
    "stream",
    [
        pytest.param((b"GET /metrics HTTP/1.1\r\nHost: x\r\nX: ", b"y" * 4096), id="endless header"),
        pytest.param((b"GET /metrics HTTP/1.1\r\nHost: x\r\n", b"X: y\r\n" * 600), id="endless headers"),
        pytest.param(
            (b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n", b"y" * 4096), id="body"
        ),
        pytest.param((b"PUT /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\ny\r\n"), id="chunks"),
        pytest.param((b"", b"\r\n" * 2000), id="empty lines"),
    ],
)
def test_endless_request_is_cut_off(stream: tuple[bytes, bytes]) -> None:
    with served() as server, server.connect() as client:
        memory = server.resident_bytes
        sent = 0
        with contextlib.suppress(ConnectionError):
            client.sendall(stream[0])
            while sent < 64 * MEBIBYTE:
                sent += client.send(stream[1])
        assert sent < 16 * MEBIBYTE  # what the kernel's buffers take, and what is thrown away before closing
        assert server.scrape() < 1.0
        assert server.resident_bytes - memory < 4 * MEBIBYTE


def test_unfinished_pipeline_is_answered_as_far_as_it_goes() -> None:
    with served(limits={"reading": 0.5}) as server, server.connect() as client:
        client.sendall(GET * 100 + GET[:20])
        assert [Answer.read(client).status for _ in range(101)] == [200] * 100 + [408]
        assert closed(client)


def test_pipeline_whose_answers_are_not_read_is_cut_off() -> None:
    with served(page_bytes=MEBIBYTE, limits={"writing": 0.5}) as server:
        memory = server.resident_bytes
        with server.connect(receive_buffer=4096) as client:
            client.setblocking(False)
            with contextlib.suppress(BlockingIOError, ConnectionError):
                for _ in range(100_000):
                    client.send(GET * 100)
            assert server.scrape() < 1.0
            assert server.resident_bytes - memory < 4 * MEBIBYTE
            assert eventually(lambda: server.descriptors < 12)


def test_clients_that_reset_leave_no_descriptor_behind() -> None:
    with served(page_bytes=MEBIBYTE) as server:
        before = server.descriptors
        for number in range(300):
            client = server.connect()
            client.send((b"", GET[:10], GET, GET * 20)[number % 4])
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            client.close()
        assert eventually(lambda: server.descriptors == before)
        assert server.scrape() < 1.0


def test_out_of_descriptors_the_server_neither_spins_nor_stops() -> None:
    with served(descriptors=32, limits={"connections": 512, "reading": 30}) as server:
        with crowd(server, 300, b""):
            assert eventually(lambda: server.descriptors == 32 - 1 or server.descriptors == 32)
            cpu = server.cpu_seconds
            times = []
            for _ in range(10):
                times.append(server.scrape())
                time.sleep(0.1)
            assert max(times) < 1.0
            assert server.cpu_seconds - cpu < 0.3
        assert eventually(lambda: server.descriptors < 15)
    assert server.told["dropped"]["out_of_descriptors"] > 200


def test_idle_server_does_not_wake_up() -> None:
    with served() as server, server.connect() as client:
        client.sendall(GET)
        assert Answer.read(client).status == 200
        switches = _voluntary_switches(server.pid)
        time.sleep(1.0)
        assert _voluntary_switches(server.pid) - switches < 5


def _voluntary_switches(pid: int) -> int:
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/status", encoding="ascii") as file:
            total += next(int(line.split()[1]) for line in file if line.startswith("voluntary_ctxt_switches"))
    return total
