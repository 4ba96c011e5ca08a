"""Receivers for tests, on the loopback address: one of HTTP that may lie, and a real server of SMTP."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

Answering = Callable[[socket.socket], None]
"""Given a connection whose request was read, answer it."""


class Peer:
    """A server of HTTP; `answers` are used up one by one, the last one for good. It keeps what it was sent."""

    def __init__(self, *answers: Answering | bytes) -> None:
        self.answers = list(answers or [ok()])
        self.heads: list[str] = []
        self.bodies: list[bytes] = []
        self._held: list[socket.socket] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def received(self) -> list[Any]:
        """What came, as JSON."""
        return [json.loads(body) for body in self.bodies]

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._converse, args=(connection,), daemon=True).start()

    def _converse(self, connection: socket.socket) -> None:
        with suppress(OSError):
            data = b""
            while b"\r\n\r\n" not in data:
                if not (more := connection.recv(65536)):
                    return
                data += more
            head, _, body = data.partition(b"\r\n\r\n")
            length = [line for line in head.decode().split("\r\n") if line.lower().startswith("content-length:")]
            wanted = int(length[0].partition(":")[2]) if length else 0
            while len(body) < wanted:
                body += connection.recv(65536)
            self.heads.append(head.decode())
            self.bodies.append(body)
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            if isinstance(answer, bytes):
                connection.sendall(answer)
            else:
                answer(connection)
                self._held.append(connection)
                return
        connection.close()

    def close(self) -> None:
        """Hang up on everybody."""
        self._server.shutdown(socket.SHUT_RDWR)  # whoever waits for the next one is told
        self._server.close()
        for connection in self._held:
            connection.close()


def ok() -> bytes:
    """Return the answer of a receiver that takes it."""
    return answer(200)


def answer(status: int, body: str = "", **headers: str) -> bytes:
    """Return an answer as it goes over the wire."""
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *(f"{k}: {v}" for k, v in fields.items())]
    return ("\r\n".join([*lines, "", ""]) + body).encode()


def hang(_connection: socket.socket) -> None:
    """Say nothing, and keep the line."""


@contextmanager
def peer(*answers: Answering | bytes) -> Iterator[Peer]:
    """Run a server of HTTP."""
    made = Peer(*answers)
    try:
        yield made
    finally:
        made.close()
