from __future__ import annotations

import base64
import socket
from pathlib import Path
from typing import Any

import pytest

from tests.probes.kinds.measuring import Asked
from tests.probes.kinds.peers import answering, certificate, page, request, serving

WELCOME = page(b"Welcome home")
ALWAYS = {"up", "duration_seconds", "status"}


@pytest.mark.parametrize(
    ("settings", "status", "up"),
    [
        ({}, "200 OK", 1),
        ({}, "204 No Content", 1),
        ({}, "404 Not Found", 0),
        ({"expect_status": 404}, "404 Not Found", 1),
        ({"expect_status": "4xx"}, "404 Not Found", 1),
        ({"expect_status": [200, "40x".replace("x", "4")]}, "404 Not Found", 1),
        ({"expect_status": [200, 301]}, "404 Not Found", 0),
        ({"contains": "Welcome"}, "200 OK", 1),
        ({"contains": "Goodbye"}, "200 OK", 0),
        ({"lacks": "Fatal"}, "200 OK", 1),
        ({"lacks": "home"}, "200 OK", 0),
        ({"matches": "W.l+come h[aeiou]me$"}, "200 OK", 1),
        ({"matches": "^home"}, "200 OK", 0),
    ],
)
def test_http_answer_is_up_if_as_wanted(settings: dict[str, Any], status: str, up: float, tmp_path: Path) -> None:
    with serving(answering(page(b"Welcome home", status))) as port:
        found, error = Asked(tmp_path, "http", {"url": f"http://127.0.0.1:{port}/", **settings}).measure()
    assert found["up"] == up
    assert bool(error) == (not up)
    assert found["status"] == int(status[:3])
    assert ("latency_seconds" in found) == bool(up)


def test_http_passes_over_what_comes_before_the_answer(tmp_path: Path) -> None:
    hints = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"
    with serving(answering(hints, WELCOME)) as port:
        settings = {"url": f"http://127.0.0.1:{port}/", "contains": "Welcome home"}
        found, error = Asked(tmp_path, "http", settings).measure()
    assert (error, found["status"], found["body_bytes"]) == ("", 200, len("Welcome home"))


def test_http_splits_latency_into_its_parts(tmp_path: Path) -> None:
    context = certificate(tmp_path)
    with serving(answering(WELCOME), context) as port:
        url = f"https://localhost:{port}/"
        found, error = Asked(tmp_path, "http", {"url": url, "tls": {"ca_file": str(tmp_path / "cert.pem")}}).measure()
    assert error == ""
    parts = [found[f"{part}_seconds"] for part in ("dns", "connect", "tls", "first_byte")]
    assert all(part >= 0 for part in parts)
    assert sum(parts) <= found["latency_seconds"] <= found["duration_seconds"]
    assert 29 < found["certificate_days_left"] <= 30
    assert found["body_bytes"] == len("Welcome home")


def test_http_of_a_server_whose_certificate_is_not_trusted_is_down_unless_told(tmp_path: Path) -> None:
    with serving(answering(WELCOME), certificate(tmp_path)) as port:
        url = f"https://localhost:{port}/"
        found, error = Asked(tmp_path, "http", {"url": url}).measure()
        assert found["up"] == 0
        assert "not to be trusted" in error
        found, error = Asked(tmp_path, "http", {"url": url, "tls": {"verify": False}}).measure()
        assert (found["up"], error) == (1, "")


def test_http_request_carries_method_headers_body_and_secrets(tmp_path: Path) -> None:
    heard: list[bytes] = []

    def says(sock: socket.socket) -> None:
        heard.append(request(sock))
        sock.sendall(WELCOME)

    (tmp_path / "password").write_text("pä:ss\n")
    with serving(says) as port:
        url = f"http://127.0.0.1:{port}/a?b=c"
        login = {"user": "monitor", "password_file": str(tmp_path / "password")}
        settings = {"url": url, "method": "POST", "headers": {"host": "shop.example"}, "body": "{}", **login}
        assert Asked(tmp_path, "http", settings).measure()[1] == ""
    head, _, body = heard[0].decode().partition("\r\n\r\n")
    lines = head.split("\r\n")
    assert lines[0] == "POST /a?b=c HTTP/1.1"
    assert {"Host: shop.example", "Content-Length: 2", "Accept-Encoding: identity"} <= {*lines}
    assert f"Authorization: Basic {base64.b64encode('monitor:pä:ss'.encode()).decode()}" in lines
    assert body == "{}"


def test_http_without_its_secret_says_so_and_knows_nothing_of_the_server(tmp_path: Path) -> None:
    settings = {"url": "http://127.0.0.1:9/", "bearer_token_file": "/nonexistent/token"}
    found, error = Asked(tmp_path, "http", settings).measure()
    assert "/nonexistent/token" in error
    assert found.keys() == {"duration_seconds"}


@pytest.mark.parametrize(
    ("redirects", "elsewhere", "up"),
    [("none", False, 0), ("same-host", False, 1), ("same-host", True, 0), ("any", False, 1), ("any", True, 1)],
)
def test_http_follows_redirects_only_as_told(redirects: str, elsewhere: bool, up: float, tmp_path: Path) -> None:
    heard: list[bytes] = []

    def end(sock: socket.socket) -> None:
        heard.append(request(sock))
        sock.sendall(WELCOME)

    with serving(end) as other:

        def says(sock: socket.socket) -> None:
            head = request(sock)
            where = f"http://127.0.0.1:{other}/" if elsewhere else "/there"
            moved = page(b"", "302 Found", f"Location: {where}")
            sock.sendall(moved if head.startswith(b"GET / ") else WELCOME)

        with serving(says) as port:
            (tmp_path / "token").write_text("secret\n")
            more = {"redirects": redirects, "bearer_token_file": str(tmp_path / "token"), "contains": "Welcome"}
            found, error = Asked(tmp_path, "http", {"url": f"http://127.0.0.1:{port}/", **more}).measure()
    assert (found["up"], bool(error)) == (up, not up)
    assert all(b"secret" not in head for head in heard)
    assert bool(heard) == (elsewhere and redirects == "any")


@pytest.mark.parametrize(
    "target", ["/a HTTP/1.1", "/a\r\n X-Evil: 1", "http://[::1/", "http://127.0.0.1:99999/", "/\xff", "//x..y/"]
)
def test_http_of_a_server_that_leads_to_what_is_no_address_is_down(target: str, tmp_path: Path) -> None:
    away = f"HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n".encode("latin-1")
    with serving(answering(away)) as port:
        found, error = Asked(tmp_path, "http", {"url": f"http://127.0.0.1:{port}/", "redirects": "any"}).measure()
    assert error == "it leads to an address that is none"
    assert found["up"] == 0


def test_http_of_a_server_that_leads_in_a_circle_is_down(tmp_path: Path) -> None:
    with serving(answering(page(b"", "302 Found", "Location: /"))) as port:
        settings = {"url": f"http://127.0.0.1:{port}/", "redirects": "any"}
        found, error = Asked(tmp_path, "http", settings).measure()
    assert found["up"] == 0
    assert "redirects" in error


def test_http_of_a_port_where_nobody_listens_is_down(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    found, error = Asked(tmp_path, "http", {"url": f"http://127.0.0.1:{port}/"}).measure()
    assert found.keys() == {"up", "duration_seconds"}
    assert "Connection refused" in error


def test_http_that_matches_takes_time_in_proportion_to_the_body(tmp_path: Path) -> None:
    body = b"a" * (256 << 10)
    with serving(answering(page(body))) as port:
        settings = {"url": f"http://127.0.0.1:{port}/", "matches": "(a|a)*(a*)*b"}
        found, error = Asked(tmp_path, "http", settings, 20.0).measure()
    assert "does not match" in error
    assert found["up"] == 0
