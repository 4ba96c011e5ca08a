"""Ports, certificates and echoes."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.probes.kinds.measuring import Asked
from tests.probes.kinds.peers import certificate, serving


def pong(sock: socket.socket) -> None:
    if sock.recv(100) == b"PING\r\n":
        sock.sendall(b"+PO")
        sock.sendall(b"NG\r\n")


def test_tcp_says_and_waits_for_what_is_expected(tmp_path: Path) -> None:
    with serving(pong) as port:
        settings = {"host": "127.0.0.1", "port": port, "send": "PING\r\n", "expect": "+PONG"}
        found, error = Asked(tmp_path, "tcp", settings).measure()
    assert (error, found["up"]) == ("", 1)
    assert found["connect_seconds"] <= found["latency_seconds"]


def test_tcp_of_a_port_where_nobody_listens_is_down(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    found, error = Asked(tmp_path, "tcp", {"host": "127.0.0.1", "port": port}).measure()
    assert (error, found["up"]) == ("cannot connect: Connection refused", 0)


def test_tcp_of_a_name_that_does_not_exist_is_never_up(tmp_path: Path) -> None:
    found, error = Asked(tmp_path, "tcp", {"host": "no-such-host.invalid", "port": 1}).measure()
    assert "no-such-host.invalid" in error
    # Whether it is the name or the resolver of this host that is missing, the host knows.
    assert found.get("up", 0) == 0


def test_tls_tells_how_long_a_trusted_certificate_lasts(tmp_path: Path) -> None:
    context = certificate(tmp_path, days=12)
    with serving(lambda sock: None, context) as port:
        settings = {"host": "localhost", "port": port, "ca_file": str(tmp_path / "cert.pem")}
        found, error = Asked(tmp_path, "tls", settings).measure()
    assert error == ""
    assert (found["up"], found["verified"], found["chain_certificates"]) == (1, 1, 1)
    assert 11 < found["certificate_days_left"] == found["chain_days_left"] <= 12


@pytest.mark.parametrize("trusted", [True, False], ids=["wrong name", "unknown authority"])
def test_tls_of_a_certificate_that_is_not_trusted_is_down_and_tells_of_it(trusted: bool, tmp_path: Path) -> None:
    context = certificate(tmp_path)
    with serving(lambda sock: None, context) as port:
        known = {"ca_file": str(tmp_path / "cert.pem"), "server_name": "other.example"} if trusted else {}
        found, error = Asked(tmp_path, "tls", {"host": "localhost", "port": port, **known}).measure()
    assert "not to be trusted" in error
    assert (found["up"], found["verified"]) == (0, 0)
    assert 29 < found["certificate_days_left"] <= 30


def test_tls_of_a_server_that_talks_without_it_is_down(tmp_path: Path) -> None:
    with serving(lambda sock: sock.sendall(b"220 mail\r\n")) as port:
        found, error = Asked(tmp_path, "tls", {"host": "localhost", "port": port}).measure()
    assert error.startswith("no TLS with it")
    assert found.keys() == {"up", "duration_seconds"}


def test_tls_without_its_authorities_knows_nothing(tmp_path: Path) -> None:
    with serving(lambda sock: None, certificate(tmp_path)) as port:
        settings = {"host": "localhost", "port": port, "ca_file": "/nonexistent.pem"}
        found, error = Asked(tmp_path, "tls", settings).measure()
    assert "/nonexistent.pem" in error
    assert found.keys() == {"duration_seconds"}


@pytest.mark.root
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_ping_of_this_host_loses_nothing(host: str, tmp_path: Path) -> None:
    found, error = Asked(tmp_path, "ping", {"host": host, "count": 4}).measure()
    if ":" in host and found["up"] == 0:  # not every host has this address
        assert error
        return
    assert (error, found["up"], found["loss_percent"]) == ("", 1, 0)
    assert 0 < found["rtt_min_seconds"] <= found["rtt_seconds"] <= found["rtt_max_seconds"]


@pytest.mark.root
def test_ping_of_an_address_that_nobody_can_have_is_down(tmp_path: Path) -> None:
    found, error = Asked(tmp_path, "ping", {"host": "240.0.0.1", "count": 2}, 0.3).measure()
    assert error
    assert found["up"] == 0
    assert found.get("loss_percent", 100) == 100
