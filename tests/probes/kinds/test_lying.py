"""Peers that lie: whatever they say, it is an error or no data, in bounded time and memory."""

from __future__ import annotations

import gzip
import json
import socket
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.probes.kinds.measuring import Asked
from tests.probes.kinds.peers import Says, answering, page, request, serving

ENDS = b"\r\n\r\n"
MOST_MEMORY = 24 << 20
SILENT, LONG = 0.2, 20.0
"""Seconds that a peer gets which never ends, and one that does."""


def endless(sock: socket.socket) -> None:
    request(sock)
    sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    for _ in range(100):
        sock.sendall(b"x" * (1 << 20))


def dripping(what: bytes, head: bytes = b"HTTP/1.1 200 OK\r\n\r\n") -> Says:
    def says(sock: socket.socket) -> None:
        request(sock)
        sock.sendall(head)
        while True:
            sock.sendall(what)
            time.sleep(0.05)

    return says


def endless_head(sock: socket.socket) -> None:
    request(sock)
    sock.sendall(b"HTTP/1.1 200 OK\r\n")
    for number in range(1 << 20):
        sock.sendall(b"X-%d: y\r\n" % number)


def silent(sock: socket.socket) -> None:
    request(sock)
    sock.recv(1)


def vector(value: Any, at: float | None = None, **more: Any) -> bytes:
    point = [time.time() if at is None else at, value]
    result = [{"metric": {"__name__": "errors", "job": "shop"}, "value": point}]
    return page(json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}, **more}).encode())


def success(kind: str, result: Any) -> bytes:
    return page(json.dumps({"status": "success", "data": {"resultType": kind, "result": result}}).encode())


OF_BOTH: dict[str, tuple[Says, str]] = {
    "no HTTP": (answering(b"SSH-2.0-OpenSSH_9.2\r\n"), "not an answer of a web server"),
    "nothing": (answering(), "not an answer of a web server"),
    "100 MB": (endless, "more than"),
    "drip of a body": (dripping(b"x"), "no complete answer within"),
    "drip of a head": (dripping(b"a", b"HTTP/1.1 200 OK\r\nX-A: "), "no complete answer within"),
    "endless head": (endless_head, "not an answer of a web server"),
    "long line": (answering(b"HTTP/1.1 200 OK\r\nX: " + b"y" * (1 << 20) + ENDS), ""),
    "silence": (silent, "no complete answer within"),
    "cut body": (answering(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nWelcome"), "ends early"),
    "cut chunks": (answering(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nWelcome"), "ends early"),
    "bad chunks": (answering(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nWelcome\r\n0\r\n\r\n"), ""),
    "chunk of less than nothing": (
        answering(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-7\r\nWelcome\r\n0\r\n\r\n"),
        "",
    ),
    "HTTP of 1991": (answering(b"<html>Welcome</html>\r\n"), "not an answer of a web server"),
    "two lengths": (answering(page(b"Welcome", "200 OK", "Content-Length: 3")), "which is none"),
    "length in words": (answering(b"HTTP/1.1 200 OK\r\nContent-Length: seven\r\n\r\nWelcome"), "which is none"),
    "length and chunks": (answering(page(b"Welcome", "200 OK", "Transfer-Encoding: chunked")), "is not certain"),
    "unknown coding": (
        answering(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n7\r\nWelcome\r\n0\r\n\r\n"),
        "is not certain",
    ),
    "endless hints": (dripping(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", b""), "no complete answer within"),
    "gzip bomb": (answering(page(gzip.compress(bytes(50 << 20)), "200 OK", "Content-Encoding: gzip")), "packed"),
    "redirect elsewhere": (answering(page(b"", "302 Found", "Location: http://elsewhere.example/")), ""),
    "endless continue": (dripping(b"HTTP/1.1 100 Continue\r\n\r\n", b""), "no complete answer within"),
    "500 with a success": (answering(page(b"Welcome", "500 Internal Server Error")), "status 500"),
}

OF_PROMETHEUS: dict[str, tuple[Callable[[], bytes], str]] = {
    "500 with a success": (lambda: vector("1").replace(b"200 OK", b"500 Oops"), "status 500"),
    "cut JSON": (
        lambda: page(b'{"status":"success","data":{"resultType":"vector","resu'),
        "not an answer of Prometheus",
    ),
    "no JSON": (lambda: page(b"<html>Please log in</html>"), "not an answer of Prometheus"),
    "naked NaN": (lambda: vector(float("nan")), "not an answer of Prometheus"),
    "number as number": (lambda: vector(1.5), "not an answer of Prometheus"),
    "no number": (lambda: vector("many"), "is no number"),
    "infinite": (lambda: vector("+Inf"), "no number that can be compared"),
    "stale": (lambda: vector("1", time.time() - 3600), "s ago"),
    "future": (lambda: vector("1", time.time() + 3600), "ahead"),
    "timestamp of no time": (lambda: vector("1", 1e300), "ahead"),
    "string": (lambda: success("string", [time.time(), "1"]), "not an answer of Prometheus"),
    "matrix": (lambda: success("matrix", []), "not an answer of Prometheus"),
    "error": (lambda: page(b'{"status":"error","errorType":"bad_data","error":"parse error"}'), "parse error"),
    "success without data": (lambda: page(b'{"status":"success"}'), "without data"),
    "warnings": (lambda: vector("1", warnings=["some store did not answer"]), "some store did not answer"),
    "too many": (
        lambda: success("vector", [{"metric": {"i": str(i)}, "value": [time.time(), "1"]} for i in range(2000)]),
        "2000",
    ),
    "nested": (lambda: page(b'{"status":' + b"[" * 100_000), "not an answer of Prometheus"),
    "nested elsewhere": (lambda: page(b'{"other":' + b"[" * 100_000), "not an answer of Prometheus"),
    "no text": (lambda: page(b'{"status":"\xff"}'), "not an answer of Prometheus"),
    "huge label": (
        lambda: success("vector", [{"metric": {"a": "x" * (1 << 19)}, "value": [time.time(), "1"]}]),
        "characters of labels",
    ),
    "two of one labels": (
        lambda: success("vector", [{"metric": {"__name__": name}, "value": [time.time(), "1"]} for name in "ab"]),
        "differ in their names alone",
    ),
}

EMPTY: dict[str, Callable[[], bytes]] = {"NaN": lambda: vector("NaN"), "empty vector": lambda: success("vector", [])}


def patience(why: str) -> float:
    return SILENT if "within" in why else LONG


def bounded(asked: Asked) -> tuple[dict[str, float], str]:
    """Measure once, and hold it to what it may take of time (lavishly) and of memory."""
    tracemalloc.start()
    began = time.monotonic()
    try:
        found = asked.measure()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert time.monotonic() - began < 30
    assert peak < MOST_MEMORY
    return found


@pytest.mark.parametrize("lie", OF_BOTH)
def test_http_of_a_peer_that_lies_is_down_and_gives_no_latency(lie: str, tmp_path: Path) -> None:
    says, why = OF_BOTH[lie]
    with serving(says) as port:
        url = f"http://127.0.0.1:{port}/"
        found, error = bounded(Asked(tmp_path, "http", {"url": url, "contains": "Welcome"}, patience(why)))
    assert why in error
    assert error
    assert found["up"] == 0
    assert "latency_seconds" not in found


@pytest.mark.parametrize("lie", OF_BOTH)
def test_prometheus_of_a_peer_that_lies_gives_no_value(lie: str, tmp_path: Path) -> None:
    says, why = OF_BOTH[lie]
    with serving(says) as port:
        found, error = bounded(
            Asked(tmp_path, "prometheus", {"url": f"http://127.0.0.1:{port}", "query": "errors"}, patience(why))
        )
    assert error
    assert "value" not in found


@pytest.mark.parametrize("lie", OF_PROMETHEUS)
def test_prometheus_whose_answer_lies_gives_no_value(lie: str, tmp_path: Path) -> None:
    answer, why = OF_PROMETHEUS[lie]
    with serving(answering(answer())) as port:
        found, error = bounded(Asked(tmp_path, "prometheus", {"url": f"http://127.0.0.1:{port}", "query": "errors"}))
    assert why in error
    assert error
    assert found["up"] == 0
    assert "value" not in found


@pytest.mark.parametrize("answer", EMPTY)
def test_prometheus_without_a_number_is_no_data(answer: str, tmp_path: Path) -> None:
    with serving(answering(EMPTY[answer]())) as port:
        found, error = Asked(tmp_path, "prometheus", {"url": f"http://127.0.0.1:{port}", "query": "errors"}).measure()
    assert error == ""
    assert found.keys() == {"up", "duration_seconds"}


@pytest.mark.parametrize("said", [b"", b"SSH-2.0\r\n", b"x" * (1 << 20)], ids=["nothing", "other", "much"])
def test_tcp_of_a_peer_that_says_something_else_is_down(said: bytes, tmp_path: Path) -> None:
    with serving(lambda sock: sock.sendall(said)) as port:
        found, error = bounded(Asked(tmp_path, "tcp", {"host": "127.0.0.1", "port": port, "expect": "220 "}, LONG))
    assert error
    assert found["up"] == 0
    assert "latency_seconds" not in found
