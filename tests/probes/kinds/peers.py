"""Servers that say whatever a test wants, on loopback."""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

Says = Callable[[socket.socket], None]


@contextlib.contextmanager
def serving(says: Says, context: ssl.SSLContext | None = None) -> Iterator[int]:
    """Accept connections and let `says` talk on each, in a thread of its own; yield the port."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.05)
    over = threading.Event()
    talking: list[threading.Thread] = []

    def talk(sock: socket.socket) -> None:
        # Whoever hangs up early has had enough of it.
        with contextlib.suppress(OSError), sock:
            sock.settimeout(10)
            if context is None:
                says(sock)
            else:
                with context.wrap_socket(sock, server_side=True) as secure:
                    says(secure)

    def accept() -> None:
        while not over.is_set():
            with contextlib.suppress(TimeoutError):
                sock, _ = listener.accept()
                talking.append(threading.Thread(target=talk, args=(sock,)))
                talking[-1].start()

    accepting = threading.Thread(target=accept)
    accepting.start()
    try:
        yield listener.getsockname()[1]
    finally:
        over.set()
        accepting.join()
        listener.close()
        for thread in talking:
            thread.join()


def request(sock: socket.socket) -> bytes:
    """Read the head of a request, and what came with it."""
    data = b""
    while b"\r\n\r\n" not in data and (more := sock.recv(4096)):
        data += more
    return data


def answering(*parts: bytes) -> Says:
    """Return what reads a request and answers with these bytes."""

    def says(sock: socket.socket) -> None:
        request(sock)
        for part in parts:
            sock.sendall(part)

    return says


def page(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    """Return an honest answer of a web server."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def certificate(directory: Path, name: str = "localhost", days: int = 30) -> ssl.SSLContext:
    """Make a certificate that signs itself; return a server's context. It lies in `cert.pem` and `key.pem`."""
    key, cert = directory / "key.pem", directory / "cert.pem"
    ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    subject = ["-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name},IP:127.0.0.1", "-days", str(days)]
    argv = ["openssl", "req", "-x509", *ec, "-keyout", str(key), "-out", str(cert), *subject]
    subprocess.run(argv, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context
