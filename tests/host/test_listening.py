"""Addresses to listen on."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from agent.errors import AgentError
from agent.host.http import address_of, listen


@pytest.mark.parametrize(
    ("address", "bound"),
    [("127.0.0.1:0", "127.0.0.1:"), ("localhost:0", "127.0.0.1:"), ("[::1]:0", "[::1]:"), ("0.0.0.0:0", "0.0.0.0:")],
)
def test_address_is_listened_on(address: str, bound: str) -> None:
    with listen(address) as listener:
        assert address_of(listener).startswith(bound)
        assert int(address_of(listener).removeprefix(bound)) > 0
        assert not listener.getblocking()


@pytest.mark.parametrize(
    "address",
    [
        "",
        ":1",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:x",
        "127.0.0.1:65536",
        "::1:1x",
        "[::1:1",
        "shop:80",
        "1:²",
        "[1.2.3.4]:1",
        "[::1]:1:1",
        "\0:1",
    ],
)
def test_mistaken_address_is_told_with_examples(address: str) -> None:
    with pytest.raises(AgentError, match=r"such as 127\.0\.0\.1:9750 or \[::1\]:9750"):
        listen(address)


def test_address_in_use_is_told() -> None:
    with listen("127.0.0.1:0") as listener, pytest.raises(AgentError, match="another program uses it"):
        listen(address_of(listener))


def test_address_of_another_host_is_told() -> None:
    with pytest.raises(AgentError, match="no such address"):
        listen("192.0.2.1:0")


def test_socket_in_the_file_system_is_its_groups(tmp_path: Path) -> None:
    path = str(tmp_path / "metrics.sock")
    with listen(f"unix:{path}") as listener:
        assert address_of(listener) == f"unix:{path}"
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o660


def test_socket_left_behind_is_replaced(tmp_path: Path) -> None:
    path = str(tmp_path / "metrics.sock")
    listen(f"unix:{path}").close()
    with listen(f"unix:{path}") as listener, socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
        assert address_of(listener) == f"unix:{path}"


def test_socket_in_use_is_left_alone(tmp_path: Path) -> None:
    address = f"unix:{tmp_path / 'metrics.sock'}"
    with listen(address), pytest.raises(AgentError, match="another program uses it"):
        listen(address)


def test_file_in_place_of_a_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "metrics.sock"
    path.write_text("precious")
    with pytest.raises(AgentError, match="another program uses it"):
        listen(f"unix:{path}")
    assert path.read_text() == "precious"
