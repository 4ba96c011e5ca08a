"""What systemd hears, through a socket of ours."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from agent.host.notify import Notifier


@pytest.fixture(params=["path", "abstract"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    name = str(tmp_path / "notify") if request.param == "path" else f"@hostkeeper-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind("\0" + name[1:] if name.startswith("@") else name)
        listener.settimeout(5)
        yield listener, name


def test_notifier_sends_each_message(systemd: tuple[socket.socket, str]) -> None:
    listener, name = systemd
    with closing(Notifier({"NOTIFY_SOCKET": name})) as notifier:
        notifier.ready()
        notifier.alive()
        notifier.status("3 tasks\nnext: clean-tmp  in 5 min")
        notifier.stopping()
        notifier.reloading()
    heard = [listener.recv(4096).decode() for _ in range(5)]
    assert heard[:4] == ["READY=1", "WATCHDOG=1", "STATUS=3 tasks next: clean-tmp in 5 min", "STOPPING=1"]
    assert re.fullmatch(r"RELOADING=1\nMONOTONIC_USEC=\d+", heard[4])


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "/no/such/socket"}])
def test_notifier_without_systemd_does_nothing(environ: dict[str, str]) -> None:
    before = len(os.listdir("/proc/self/fd"))
    with closing(Notifier(environ)) as notifier:
        notifier.ready()
        notifier.status("fine")
        assert notifier.watchdog_interval is None
    notifier.ready()
    assert len(os.listdir("/proc/self/fd")) == before


def test_notifier_that_is_told_much_keeps_one_socket(systemd: tuple[socket.socket, str]) -> None:
    listener, name = systemd
    with closing(Notifier({"NOTIFY_SOCKET": name})) as notifier:
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(3):
            notifier.alive()
            assert listener.recv(4096) == b"WATCHDOG=1"
        assert len(os.listdir("/proc/self/fd")) == before


def test_notifier_with_a_full_socket_does_not_wait(systemd: tuple[socket.socket, str]) -> None:
    _, name = systemd
    with closing(Notifier({"NOTIFY_SOCKET": name})) as notifier:
        for _ in range(2000):
            notifier.alive()


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": str(os.getpid())}, 0.5),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "-5"}, None),
        ({"WATCHDOG_USEC": "٣"}, None),
        ({"WATCHDOG_PID": str(os.getpid())}, None),
        ({}, None),
    ],
)
def test_watchdog_interval_is_meant_for_this_process(environ: dict[str, str], expected: float | None) -> None:
    assert Notifier(environ).watchdog_interval == expected
