"""What the tests of the server share: a server process to look at, and a client that is strict about answers."""

from __future__ import annotations

import base64
import json
import os
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.system.soak.patience import Patience

GET = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"


def authorized(authorization: str) -> bytes:
    """Return a request with an Authorization field."""
    return GET[:-2] + f"Authorization: {authorization}\r\n\r\n".encode()


def basic(name: str, password: str) -> str:
    """Return the value of an Authorization field."""
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


@dataclass
class Served:
    """A running server process. `context` and `authorization` are what a scrape takes."""

    pid: int
    address: tuple[str, int]
    told: dict[str, Any] = field(default_factory=dict)
    context: ssl.SSLContext | None = None
    authorization: str | None = None

    @property
    def resident_bytes(self) -> int:
        with open(f"/proc/{self.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    @property
    def threads(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/task"))

    @property
    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    @property
    def cpu_seconds(self) -> float:
        with open(f"/proc/{self.pid}/stat", encoding="ascii") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def connect(self, source: str = "127.0.0.1", receive_buffer: int = 0) -> socket.socket:
        client = socket.socket()
        if receive_buffer:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        client.settimeout(20)
        client.bind((source, 0))
        client.connect(self.address)
        return client

    def scrape(self) -> float:
        """Scrape once over a connection of its own; return how long it took, less what the host kept both from work."""
        both = (self.pid, os.getpid())
        patience = Patience(both)
        with self.connect() as sock, self._under_tls(sock) as client:
            client.sendall(GET if self.authorization is None else authorized(self.authorization))
            answer = Answer.read(client)
        assert answer.status == 200
        return patience.took(both)

    def _under_tls(self, sock: socket.socket) -> socket.socket:
        return sock if self.context is None else self.context.wrap_socket(sock, server_hostname="localhost")


@contextmanager
def served(**settings: Any) -> Iterator[Served]:
    """Start a server process with the settings of `serve.py`; what it counted is in `told` when it has ended."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.host.http.serve"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process, process.stdin, process.stdout:
        process.stdin.write(json.dumps(settings) + "\n")
        process.stdin.flush()
        host, _, port = process.stdout.readline().strip().rpartition(":")
        server = Served(process.pid, (host, int(port)))
        try:
            yield server
        except BaseException:
            process.kill()
            raise
        process.stdin.close()
        server.told = json.loads(process.stdout.readline())
    assert process.returncode == 0


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @classmethod
    def read(cls, client: socket.socket, head_only: bool = False) -> Answer:
        """Read exactly one answer; AssertionError where the server ends before it is complete."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            byte = client.recv(1)
            assert byte, f"the server closed after {head!r}"
            head += byte
        status_line, *lines = head[:-4].decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines)
        length = 0 if head_only else int(headers["content-length"])
        body = b""
        while len(body) < length:
            data = client.recv(length - len(body))
            assert data, f"the server closed after {len(body)} of {length} bytes"
            body += data
        version, status, _ = status_line.split(" ", 2)
        assert version == "HTTP/1.1"
        return cls(int(status), headers, body)


def closed(client: socket.socket) -> bool:
    """Read to the end; tell that there was one, by closing or by reset."""
    try:
        while client.recv(65536):
            pass
    except ConnectionResetError:
        pass
    return True


def eventually(condition: Callable[[], bool], seconds: float = 30.0) -> bool:
    """Wait until a condition holds; false when it does not within the time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True
