"""Scrapes under 10,000 half-open connections: how long they take, and what the crowd costs the agent.

A process of its own opens the connections from 200 addresses, sends the beginning of a request or of a handshake
through each, and then opens those that the agent has ended anew, 500 a second. Meanwhile the agent is scraped over a
connection of its own each time. No peer is measured; where there is a goal, it stands in the peer's column.
"""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.agent import Measured, agent_with
from benchmarks.peers import ending

CROWD = int(os.environ.get("HOSTKEEPER_BENCH_CROWD", "10000"))
SCRAPES = int(os.environ.get("HOSTKEEPER_BENCH_SCRAPES", "200"))
PAUSE = 0.02
WORST_GOAL_MS = 1000.0
MEMORY_GOAL_MB = 48.0
NO_GOAL = float("inf")
ADDRESSES = 200
AGAIN_PER_SECOND = 500
REQUEST = b"GET /metrics HTTP/1.1\r\nHost: agent\r\nConnection: close\r\n\r\n"

Row = tuple[str, float, float, float, float]


def run() -> list[Row]:
    """Return rows: name, ours, the goal in the same unit, their ratio, and 1.0, which the ratio must not exceed."""
    return [*_measured("HTTP", secure=False), *_measured("TLS", secure=True)]


def _measured(name: str, *, secure: bool) -> Iterator[Row]:
    with tempfile.TemporaryDirectory(prefix="hk-bench-", dir="/tmp") as directory:
        place = Path(directory)
        (place / "policies").mkdir(mode=0o700)
        port = _free_port()
        metrics, context = f"{{listen: '127.0.0.1:{port}'}}", None
        if secure:
            context = _certificate(place)
            metrics = f"{{listen: '127.0.0.1:{port}', web_config_file: web.yml}}"
        with agent_with(place, metrics=metrics) as agent:
            _wait_for(lambda: _scrape(port, context) > 0)
            alone = [_scrape(port, context) for _ in range(SCRAPES)]
            memory, threads = agent.resident_mb(), _threads(agent)
            with _crowd(port, _hello(context) if context else REQUEST[:20]):
                crowded = _scrapes(port, context)
                after, threads_after = agent.resident_mb(), _threads(agent)
    yield _row(f"{name}: a scrape alone, median ms", statistics.median(alone) * 1000)
    yield _row(f"{name}: a scrape among {CROWD:,} half-open ones, median ms", statistics.median(crowded) * 1000)
    yield _row(
        f"{name}: the 99th percentile of these, ms", statistics.quantiles(crowded, n=100, method="inclusive")[98] * 1000
    )
    yield _row(f"{name}: the slowest of these, ms", max(crowded) * 1000, WORST_GOAL_MS)
    yield _row(f"{name}: resident memory before, MB", memory)
    yield _row(f"{name}: resident memory among the crowd, MB more", max(0.0, after - memory), MEMORY_GOAL_MB)
    yield _row(f"{name}: threads before", threads)
    yield _row(f"{name}: threads among the crowd", threads_after, float(threads))


def _row(name: str, ours: float, goal: float = NO_GOAL) -> Row:
    return (name, ours, goal, ours / goal, 1.0)


def _threads(agent: Measured) -> int:
    return len(os.listdir(f"/proc/{agent.pid}/task"))


def _scrapes(port: int, context: ssl.SSLContext | None) -> list[float]:
    times = []
    for _ in range(SCRAPES):
        times.append(_scrape(port, context))
        time.sleep(PAUSE)
    return times


def _scrape(port: int, context: ssl.SSLContext | None) -> float:
    """Scrape over a new connection; return how many seconds it took. Raises OSError when it fails."""
    begun = time.perf_counter()
    with socket.create_connection(("127.0.0.1", port), 10) as sock:
        client = context.wrap_socket(sock, server_hostname="localhost") if context else sock
        client.sendall(REQUEST)
        answer = b"".join(iter(lambda: client.recv(1 << 16), b""))
    if not answer.startswith(b"HTTP/1.1 200"):
        raise OSError(f"no page but {answer[:100]!r}")
    return time.perf_counter() - begun


def _wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while True:
        with contextlib.suppress(OSError):
            if condition():
                return
        if time.monotonic() > end:
            raise TimeoutError("the agent does not answer")
        time.sleep(0.05)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def _certificate(place: Path) -> ssl.SSLContext:
    """Give the agent a certificate and a web configuration; return the context of a client that trusts it."""
    kind = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    who = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost")
    command = ["openssl", "req", "-x509", *kind, *who, "-keyout", "server.key", "-out", "server.crt"]
    subprocess.run(command, cwd=place, check=True, capture_output=True)
    web = place / "web.yml"
    web.write_text("tls_server_config: {cert_file: server.crt, key_file: server.key}\n")
    web.chmod(0o600)
    return ssl.create_default_context(cafile=str(place / "server.crt"))


def _hello(context: ssl.SSLContext) -> bytes:
    """Return the first words of a client under TLS, after which it says no more."""
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(back, there, server_hostname="localhost").do_handshake()
    return there.read()


@contextmanager
def _crowd(port: int, start: bytes) -> Iterator[None]:
    """Have another process open the crowd; go on once it is there."""
    command = [sys.executable, "-m", "benchmarks.crowd", str(port), start.hex()]
    with ending(subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE)) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        process.stdout.readline()
        yield


def _be_the_crowd(port: int, start: bytes) -> None:
    """Open connections, say so once all are there, and open anew every one that has been ended."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    clients = [_half_open(port, number, start) for number in range(min(CROWD, most - 100))]
    print(len(clients), flush=True)
    while True:
        for number, client in enumerate(clients):
            if client is None or _has_ended(client):
                if client is not None:
                    client.close()
                clients[number] = _half_open(port, number, start)
                time.sleep(1 / AGAIN_PER_SECOND)


def _half_open(port: int, number: int, start: bytes) -> socket.socket | None:
    client = socket.socket()
    client.settimeout(5)
    try:
        client.bind((f"127.0.0.{number % ADDRESSES + 2}", 0))
        client.connect(("127.0.0.1", port))
        client.setblocking(False)
        client.send(start)
    except OSError:
        client.close()
        return None
    return client


def _has_ended(client: socket.socket) -> bool:
    try:
        while client.recv(1 << 14):
            pass
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True


if __name__ == "__main__":
    _be_the_crowd(int(sys.argv[1]), bytes.fromhex(sys.argv[2]))
