"""The server under TLS, with clients of Python and of openssl."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path
from typing import Any

import pytest

from agent.host.http import Dropped, Limits, Security
from tests.certificates import Authority
from tests.host.http.client import GET, Answer, closed, eventually
from tests.host.http.conftest import BIG, Serve
from tests.host.http.serve import security


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_scrape_is_served_by_either_version(serve: Serve, newest: ssl.TLSVersion) -> None:
    made = serve()
    answers = made.ask(GET, GET, GET, context=made.context(newest=newest))
    assert [(answer.status, answer.body) for answer in answers] == [(200, b"a page\n")] * 3


def test_answer_larger_than_all_buffers_arrives_whole_and_what_was_asked_meanwhile(serve: Serve) -> None:
    big, small = serve().ask(GET.replace(b"/metrics", b"/big"), GET)
    assert (big.body, small.body) == (BIG, b"a page\n")


def test_many_requests_in_one_record_are_all_answered(serve: Serve) -> None:
    assert {answer.status for answer in serve().ask(*[GET] * 400)} == {200}


def test_request_in_records_of_one_byte_is_answered(serve: Serve) -> None:
    with serve().connect() as client:
        for byte in GET:
            client.send(bytes([byte]))
        assert Answer.read(client).status == 200


def test_openssl_shakes_hands_and_is_answered(serve: Serve) -> None:
    code, said = serve().openssl()
    assert code == 0
    assert "Verify return code: 0 (ok)" in said
    assert "TLSv1.3" in said
    assert "a page" in said


@pytest.mark.parametrize("version", ["-tls1", "-tls1_1"])
def test_versions_of_the_past_are_refused(serve: Serve, version: str) -> None:
    code, said = serve().openssl(version, "-cipher", "DEFAULT@SECLEVEL=0")
    assert code != 0
    assert "a page" not in said


@pytest.mark.parametrize(
    ("tls", "arguments", "expected"),
    [
        ({"min_version": "TLS13"}, ("-tls1_2",), None),
        ({"max_version": "TLS12"}, (), "TLSv1.2"),
        ({"cipher_suites": ["TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"]}, ("-tls1_2",), "ECDHE-ECDSA-AES256-GCM-SHA384"),
        (
            {"cipher_suites": ["TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"]},
            ("-tls1_2",),
            "ECDHE-ECDSA-CHACHA20-POLY1305",
        ),
        (
            {"cipher_suites": ["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"]},
            ("-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-GCM-SHA384"),
            None,
        ),
        ({"curve_preferences": ["CurveP384"]}, ("-tls1_2",), "384 bits"),
        ({"curve_preferences": ["CurveP521"]}, ("-tls1_2", "-groups", "P-256"), None),
    ],
)
def test_versions_suites_and_curves_are_those_of_the_settings(
    serve: Serve, tls: dict[str, Any], arguments: tuple[str, ...], expected: str | None
) -> None:
    code, said = serve(**tls).openssl(*arguments)
    assert ("a page" in said) is (expected is not None)
    assert expected is None or (code == 0 and expected in said)


def test_key_of_the_other_kind_serves_too(serve: Serve) -> None:
    made = serve(**{"cert_file": "", "key_file": ""} | serve().files("rsa"))
    assert made.ask(GET)[0].status == 200


def test_plain_request_is_told_that_this_is_tls(serve: Serve) -> None:
    made = serve()
    with socket.create_connection(made.listener.getsockname(), 5) as client:
        client.sendall(GET)
        assert Answer.read(client).status == 400
        assert closed(client)


@pytest.mark.parametrize(
    "garbage", [b"\x16", b"\x16\x03\x01\x00\x05hello", b"\x16" * 5000, b"\x16\x03\x01\xff\xff" * 99]
)
def test_garbage_is_cut_off(serve: Serve, garbage: bytes) -> None:
    made = serve(limits=Limits(handshake=0.5))
    with socket.create_connection(made.listener.getsockname(), 5) as client:
        client.sendall(garbage)
        assert closed(client)
    assert made.ask(GET)[0].status == 200
    dropped = made.server.counts.dropped
    assert eventually(lambda: dropped[Dropped.HANDSHAKE] + dropped[Dropped.TIMEOUT] == 1)


REQUIRED = {"client_auth_type": "RequireAndVerifyClientCert"}


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_client_without_a_good_certificate_gets_nothing(
    serve: Serve, authority: Authority, tmp_path: Path, newest: ssl.TLSVersion
) -> None:
    made = serve(client_ca_file=str(authority.ca), **REQUIRED)
    stranger = Authority(tmp_path, "stranger").sign("client")
    wrong = made.context(newest=newest)
    wrong.load_cert_chain(stranger, stranger.with_suffix(".key"))
    for context in (made.context(newest=newest), wrong):
        with pytest.raises((ssl.SSLError, ConnectionError, AssertionError)):
            made.ask(GET, context=context)
    assert made.ask(GET, context=made.context("prometheus", newest))[0].status == 200
    assert made.server.counts.requests == {("/metrics", 200): 1}


def test_certificate_that_is_only_verified_if_given_is_verified(
    serve: Serve, authority: Authority, tmp_path: Path
) -> None:
    made = serve(client_ca_file=str(authority.ca), client_auth_type="VerifyClientCertIfGiven")
    stranger = Authority(tmp_path, "stranger").sign("client")
    assert made.ask(GET)[0].status == 200
    wrong = made.context()
    wrong.load_cert_chain(stranger, stranger.with_suffix(".key"))
    with pytest.raises((ssl.SSLError, ConnectionError, AssertionError)):
        made.ask(GET, context=wrong)


def test_certificate_must_bear_a_name_that_is_let_in(serve: Serve, authority: Authority) -> None:
    made = serve(client_ca_file=str(authority.ca), client_allowed_sans=["prometheus.example"], **REQUIRED)
    assert made.ask(GET, context=made.context("prometheus"))[0].status == 200
    with made.connect(made.context("renewed")) as client:
        assert Answer.read(client).status == 403
        assert closed(client)


def test_another_certificate_is_shown_at_once_and_old_connections_are_parted_with(serve: Serve) -> None:
    made = serve()

    def shown(client: ssl.SSLSocket) -> bytes:
        return client.getpeercert(binary_form=True) or b""

    with made.connect() as old:
        old.sendall(GET)
        assert Answer.read(old).status == 200
        before = shown(old)
        made.server.secure(security({"tls_server_config": made.files("renewed")}))
        assert closed(old)
        with made.connect() as new:
            assert shown(new) != before
            new.sendall(GET)
            assert Answer.read(new).status == 200


def test_answer_under_way_is_finished_when_the_certificate_changes(serve: Serve) -> None:
    made = serve()
    with made.connect() as client:
        client.sendall(GET.replace(b"/metrics", b"/big"))
        client.recv(1)
        made.server.secure(security({"tls_server_config": made.files("renewed")}))
        left = 0
        while data := client.recv(1 << 20):
            left += len(data)
        assert left >= len(BIG)


def test_server_that_is_shut_turns_everybody_away(serve: Serve) -> None:
    made = serve()
    with made.connect() as client:
        made.server.secure(Security(shut=True))
        assert closed(client)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        made.ask(GET)
    made.server.secure(security(made.web))
    assert made.ask(GET)[0].status == 200
