"""The web configuration: what it says, every mistake, and the files that it names."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.errors import PolicyError
from agent.model.web import ClientAuth, WebConfig
from agent.policy.load_web import load_web
from tests.certificates import Authority, openssl

TLS = "tls_server_config: {cert_file: server.crt, key_file: server.key%s}\n"
HASH = "$2y$10$3V/LCfV9PnVP0an1Jd5u7u7DTWdNVcNyUM.GOh4QeYpmVLSbUrqqq"
Mistakes = Callable[..., list[str]]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    authority = Authority(tmp_path_factory.mktemp("web"))
    authority.sign("server")
    authority.sign("other")
    authority.sign("expired", days=-1)
    openssl("ec", "-in", "server.key", "-aes128", "-passout", "pass:x", "-out", "locked.key", place=authority.place)
    (authority.place / "empty.pem").write_text("")
    os.mkfifo(authority.place / "fifo")
    return authority.place


def loaded(place: Path, text: str, *, root: bool = False) -> WebConfig:
    (place / "web.yml").write_text(text)
    (place / "web.yml").chmod(0o600)
    return load_web(str(place / "web.yml"), root=root)


def mistakes(place: Path, text: str, *, root: bool = False) -> list[str]:
    with pytest.raises(PolicyError) as error:
        loaded(place, text, root=root)
    return [str(mistake).replace(f"{place}/", "") for mistake in error.value.mistakes]


@pytest.mark.parametrize("text", ["", "# nothing\n", "{}"])
def test_file_that_says_nothing_asks_for_nothing(place: Path, text: str) -> None:
    assert loaded(place, text) == WebConfig(tls=None, headers={}, users={}, not_after=None)


def test_everything_can_be_said(place: Path) -> None:
    config = loaded(
        place,
        f"""
tls_server_config:
  cert_file: server.crt
  key_file: {place}/server.key
  client_ca_file: ca.crt
  client_auth_type: RequireAndVerifyClientCert
  client_allowed_sans: [prometheus.example]
  min_version: TLS12
  max_version: TLS13
  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TLS_AES_128_GCM_SHA256]
  curve_preferences: [CurveP384]
  prefer_server_cipher_suites: false
http_server_config:
  http2: false
  headers: {{X-Frame-Options: deny}}
basic_auth_users:
  prometheus: {HASH}
""",
    )
    assert config.tls is not None
    assert config.tls.files == (f"{place}/server.crt", f"{place}/server.key", f"{place}/ca.crt")
    assert config.tls.client_auth is ClientAuth.REQUIRED
    assert config.tls.allowed_names == {"prometheus.example"}
    assert config.tls.curve == "CurveP384"
    assert not config.tls.prefer_server_cipher_suites
    assert config.headers == {"X-Frame-Options": "deny"}
    assert config.users == {"prometheus": HASH}
    assert config.not_after is not None


def test_certificate_that_has_expired_is_served_and_its_end_is_known(place: Path) -> None:
    now = (place / "ca.crt").stat().st_mtime
    valid = loaded(place, TLS % "").not_after
    expired = loaded(place, TLS.replace("server.", "expired.") % "").not_after
    assert valid == pytest.approx(now + 30 * 86400, abs=600)
    assert expired == pytest.approx(now - 86400, abs=600)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tls_server_config: {}", ["1:1: tls_server_config: cert_file is missing", "1:1: tls_server_config: key_file"]),
        ("tls_server_confg: {}", ['1:1: tls_server_confg: unknown key "tls_server_confg": did you mean tls_server_c']),
        (TLS % ", cert: x", ["1:66: tls_server_config.cert: cert is not supported by this version of hostkeeper: rem"]),
        (TLS % ", min_version: TLS11", ['1:79: tls_server_config.min_version: "TLS11" is not one of the choices']),
        (TLS % ", min_version: TLS13, max_version: TLS12", ["1:79: tls_server_config.min_version: is newer than max"]),
        (TLS % ", client_ca_file: ca.crt", ["1:82: tls_server_config.client_ca_file: is given, but no client is as"]),
        (
            TLS % ", client_ca_file: empty.pem, client_auth_type: VerifyClientCertIfGiven",
            ["1:82: tls_server_config.cl"],
        ),
        (
            TLS % ", client_auth_type: RequireAndVerifyClientCert",
            ["1:84: tls_server_config.client_auth_type: asks for"],
        ),
        (TLS % ", client_auth_type: RequireAnyClientCert", ['1:84: tls_server_config.client_auth_type: "RequireAnyCl']),
        (TLS % ", client_allowed_sans: [a]", ["1:87: tls_server_config.client_allowed_sans: is given, but no client"]),
        (TLS % ", cipher_suites: [TLS_AES_128_GCM_SHA256]", ["1:81: tls_server_config.cipher_suites: names no suite"]),
        (TLS % ", cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]", ['1:82: tls_server_config.cipher_suites[0]: "TLS_RSA']),
        (
            TLS % ", max_version: TLS12, cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]",
            ["1:32: tls_server_config.cert_file: no client could shake hands: "],
        ),
        (
            TLS.replace("server.key", "other.key") % "",
            ["1:54: tls_server_config.key_file: other.key is not the key of"],
        ),
        (
            TLS.replace("server.key", "locked.key") % "",
            ["1:54: tls_server_config.key_file: locked.key and server.crt c"],
        ),
        (
            TLS.replace("server.key", "empty.pem") % "",
            ["1:54: tls_server_config.key_file: empty.pem and server.crt can"],
        ),
        (
            TLS.replace("server.crt", "empty.pem") % "",
            ["1:32: tls_server_config.cert_file: empty.pem holds no certifi"],
        ),
        (
            TLS.replace("server.crt", "nothing") % "",
            ["1:32: tls_server_config.cert_file: nothing cannot be read: No su"],
        ),
        (TLS.replace("server.crt", "fifo") % "", ["1:32: tls_server_config.cert_file: fifo is no file of at most"]),
        ("basic_auth_users: {a: b}", ["1:23: basic_auth_users.a: the value is not of the right form: write a bcrypt"]),
        (f"basic_auth_users: {{a: {HASH.replace('10', '16')}}}", ["1:23: basic_auth_users.a: the value is not of the"]),
        (f"basic_auth_users: {{'a:b': {HASH}}}", ["1:20: basic_auth_users.'a:b': "]),
        ("http_server_config: {headers: {Server: x}}", ["1:32: http_server_config.headers.Server: unknown key"]),
        ('http_server_config: {headers: {X-Frame-Options: "a\\r\\nb"}}', ["1:49: http_server_config.headers.X-Frame"]),
        ("a: [", ["2:1: not YAML"]),
    ],
)
def test_mistakes_are_named_with_their_place(place: Path, text: str, expected: list[str]) -> None:
    found = mistakes(place, text)
    assert len(found) == len(expected), found
    for line, begun in zip(found, expected, strict=True):
        assert line.startswith(f"web.yml:{begun}"), line


def test_all_mistakes_are_named_at_once_and_none_shows_a_password(place: Path) -> None:
    text = TLS.replace("server.crt", "nothing") % ", min_version: TLS9" + "basic_auth_users: {a: hunter2, b: 12345}\n"
    found = mistakes(place, text)
    assert len(found) == 4
    assert not [line for line in found if "hunter2" in line or "12345" in line]


def test_file_that_does_not_exist_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="leads nowhere"):
        load_web(str(tmp_path / "web.yml"), root=False)


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
@pytest.mark.parametrize(
    ("file", "mode", "wrong"),
    [
        ("server.key", 0o644, "server.key can be read by everybody: run: chmod o-r"),
        ("server.key", 0o640, ""),
        ("server.key", 0o660, "server.key can be written by its group"),
        ("server.crt", 0o644, ""),
        ("server.crt", 0o666, "server.crt can be written by everybody"),
    ],
)
def test_files_have_to_be_roots_alone_and_the_key_nobody_elses(place: Path, file: str, mode: int, wrong: str) -> None:
    (place / "server.key").chmod(0o600)
    (place / "server.crt").chmod(0o644)
    (place / file).chmod(mode)
    if wrong:
        assert [wrong in line for line in mistakes(place, TLS % "", root=True)] == [True]
    else:
        loaded(place, TLS % "", root=True)
    (place / file).chmod(0o600)
