"""Servers under TLS in this process, for the tests of the server."""

from __future__ import annotations

import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from agent.host.http import HttpServer, Limits, Response, address_of, listen
from tests.certificates import Authority
from tests.host.http.client import GET, Answer
from tests.host.http.serve import security

Serve = Callable[..., "Secured"]
BIG = b"y" * 3_000_000


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    made = Authority(tmp_path_factory.mktemp("authority"))
    for name in ("server", "renewed", "prometheus"):
        made.sign(name, names="DNS:localhost,IP:127.0.0.1" if name != "prometheus" else "DNS:prometheus.example")
    made.sign("rsa", rsa=True)
    return made


class Secured:
    """A server in this process under TLS."""

    def __init__(self, authority: Authority, tls: Mapping[str, Any], web: Mapping[str, Any], limits: Limits) -> None:
        self.authority = authority
        self.failures: list[str] = []
        self.listener = listen("127.0.0.1:0")
        self.web = {"tls_server_config": {**self.files("server"), **tls}, **web}
        routes = {"/metrics": lambda _: Response(200, b"a page\n"), "/big": lambda _: Response(200, BIG)}
        self.server = HttpServer([self.listener], routes, self._failed, limits, security(self.web))

    def _failed(self, path: str, error: Exception) -> None:
        self.failures.append(f"{path}: {error!r}")

    def files(self, name: str) -> dict[str, str]:
        return {"cert_file": f"{self.authority.place}/{name}.crt", "key_file": f"{self.authority.place}/{name}.key"}

    def context(self, certificate: str = "", newest: ssl.TLSVersion | None = None) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.authority.ca))
        if certificate:
            context.load_cert_chain(*self.files(certificate).values())
        if newest is not None:
            context.maximum_version = newest
        return context

    @contextmanager
    def connect(self, context: ssl.SSLContext | None = None) -> Iterator[ssl.SSLSocket]:
        tls = context or self.context()
        with (
            socket.create_connection(self.listener.getsockname(), 5) as sock,
            tls.wrap_socket(sock, server_hostname="localhost") as client,
        ):
            yield client

    def ask(self, *requests: bytes, context: ssl.SSLContext | None = None) -> list[Answer]:
        with self.connect(context) as client:
            client.sendall(b"".join(requests))
            return [Answer.read(client) for _ in requests]

    def openssl(self, *arguments: str) -> tuple[int, str]:
        """Ask by `openssl s_client`; return its exit code and all that it says."""
        where = ("s_client", "-connect", address_of(self.listener), "-CAfile", str(self.authority.ca), "-ign_eof")
        request = GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
        done = subprocess.run(
            ["openssl", *where, *arguments], input=request, capture_output=True, timeout=20, check=False
        )
        return done.returncode, (done.stdout + done.stderr).decode("utf-8", "replace")


@pytest.fixture
def serve(authority: Authority) -> Iterator[Serve]:
    begun: list[Secured] = []

    def start(web: Mapping[str, Any] | None = None, limits: Limits | None = None, **tls: Any) -> Secured:
        made = Secured(authority, tls, web or {}, limits or Limits())
        made.server.start()
        begun.append(made)
        return made

    yield start
    for made in begun:
        made.server.stop()
        assert made.failures == []
