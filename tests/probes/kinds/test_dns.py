"""Against dnsmasq, and against what talks like a server and lies."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.probes.kinds.measuring import Asked

LONG = "x" * 200


@pytest.fixture(scope="module")
def server() -> Iterator[int]:
    dnsmasq = shutil.which("dnsmasq")
    assert dnsmasq is not None
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    records = [
        "--host-record=shop.example,192.0.2.10,2001:db8::10,60",
        "--cname=www.shop.example,shop.example",
        "--mx-host=shop.example,mail.shop.example,10",
        "--txt-record=shop.example,v=spf1 -all",
        "--srv-host=_imap._tcp.shop.example,mail.shop.example,143,1,2",
        *(f"--txt-record=many.example,{number} {LONG}" for number in range(40)),
    ]
    alone = ["--no-daemon", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--user=", "--pid-file="]
    where = [f"--port={port}", "--listen-address=127.0.0.1", "--bind-interfaces", "--auth-ttl=60"]
    process = subprocess.Popen(
        [dnsmasq, *alone, *where, "--local=/example/", *records],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.02)
        yield port
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize(
    ("settings", "wrong"),
    [
        ({"name": "shop.example"}, ""),
        ({"name": "shop.example", "expect": ["192.0.2.10"]}, ""),
        ({"name": "shop.example", "expect": ["192.0.2.11"]}, "192.0.2.11 is not among the answers: 192.0.2.10"),
        ({"name": "shop.example", "type": "AAAA", "expect": ["2001:0db8:0::0010"]}, ""),
        ({"name": "shop.example", "type": "MX", "expect": ["10 mail.shop.example."]}, ""),
        ({"name": "shop.example", "type": "TXT", "expect": ["v=spf1 -all"]}, ""),
        ({"name": "www.shop.example", "type": "CNAME", "expect": ["shop.example"]}, ""),
        ({"name": "www.shop.example", "expect": ["192.0.2.10"]}, ""),
        ({"name": "_imap._tcp.shop.example", "type": "SRV", "expect": ["1 2 143 mail.shop.example"]}, ""),
        ({"name": "shop.example", "type": "SRV"}, "it knows no SRV of shop.example"),
        ({"name": "refused.example"}, "there is no such name"),
        ({"name": "elsewhere.test"}, "it refuses to answer"),
    ],
)
def test_dns_compares_what_a_server_says(settings: dict[str, Any], wrong: str, server: int, tmp_path: Path) -> None:
    found, error = Asked(tmp_path, "dns", {**settings, "server": "127.0.0.1", "port": server}).measure()
    assert error == wrong
    assert found["up"] == (not wrong)
    assert found["latency_seconds"] > 0


def test_dns_asks_by_tcp_for_what_is_too_long(server: int, tmp_path: Path) -> None:
    settings = {"name": "many.example", "type": "TXT", "server": "127.0.0.1", "port": server}
    found, error = Asked(tmp_path, "dns", settings).measure()
    assert (error, found["answers"]) == ("", 40)


@contextlib.contextmanager
def lying(answer: Callable[[bytes], list[bytes]]) -> Iterator[int]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(0.05)
        over = threading.Event()

        def serve() -> None:
            while not over.is_set():
                with contextlib.suppress(TimeoutError):
                    message, peer = sock.recvfrom(4096)
                    for one in answer(message):
                        sock.sendto(one, peer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield sock.getsockname()[1]
        over.set()
        thread.join()


def good(message: bytes) -> bytes:
    end = message.index(b"\0", 12) + 5
    return message[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + message[12:end] + b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\x0a"


@pytest.mark.parametrize(
    "lies",
    [
        lambda _: [],
        lambda _: [b"nonsense"],
        lambda message: [b"\xff\xff" + good(message)[2:]],
        lambda message: [good(message)[:-2]],
        lambda message: [message],
    ],
    ids=["silent", "nonsense", "other number", "cut", "echo"],
)
def test_dns_of_a_server_that_lies_is_down(lies: Callable[[bytes], list[bytes]], tmp_path: Path) -> None:
    with lying(lies) as port:
        settings = {"name": "shop.example", "server": "127.0.0.1", "port": port}
        found, error = Asked(tmp_path, "dns", settings, 0.4).measure()
    assert error
    assert found.keys() == {"up", "duration_seconds"}
    assert found["up"] == 0


def test_dns_waits_for_the_answer_among_what_others_send(tmp_path: Path) -> None:
    with lying(lambda message: [b"forged", b"\xff\xff" + good(message)[2:], good(message)]) as port:
        settings = {"name": "shop.example", "server": "127.0.0.1", "port": port, "expect": ["192.0.2.10"]}
        found, error = Asked(tmp_path, "dns", settings).measure()
    assert (error, found["up"], found["ttl_seconds"]) == ("", 1, 60)


def test_dns_asks_again_when_a_question_is_lost(tmp_path: Path) -> None:
    asked: list[bytes] = []

    def answer(message: bytes) -> list[bytes]:
        asked.append(message)
        return [good(message)] if len(asked) > 1 else []

    with lying(answer) as port:
        settings = {"name": "shop.example", "server": "127.0.0.1", "port": port}
        assert Asked(tmp_path, "dns", settings, 3.0).measure()[1] == ""
    assert len(asked) == 2
