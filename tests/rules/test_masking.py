from __future__ import annotations

import time

import pytest

from agent.rules.masking import mask


@pytest.mark.parametrize(
    ("line", "secret"),
    [
        ("login password=hunter2 ok", "hunter2"),
        ('{"api_key": "abc def", "user": "bob"}', "abc def"),
        ("DB_PASSWORD='s3 cr3t' started", "s3 cr3t"),
        ("--token abcdef123 --verbose", "abcdef123"),
        ("mysql --password=abc -h db", "abc "),
        ("GET https://bob:pa55@example.com/x", "pa55"),
        ("postgres://app:s/e-c_r.et@db/shop", "s/e-c_r.et"),
        ("Authorization: Bearer abc.def-123", "abc.def-123"),
        ("authorization=Basic Ym9iOnBhc3M=", "Ym9iOnBhc3M="),
        ("sent Bearer 0123456789abcdef now", "0123456789abcdef"),
        ("Cookie: sid=1234; theme=dark", "1234"),
        ("jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.sflKxwRJSMeKKF2QT4", "eyJzdWIiOiIxIn0"),
        ("ghp_0123456789abcdefghijABCDEFGHIJ is leaked", "ghp_0123"),
        ("key AKIAIOSFODNN7EXAMPLE used", "AKIAIOSF"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY----- end", "MIIEow"),
        ("-----BEGIN PRIVATE KEY-----\nMIIEow and the rest was cut", "MIIEow"),
        ("CREATE ROLE bob LOGIN PASSWORD 'abc'", "abc"),
        ("session_id=deadbeef", "deadbeef"),
        ("clientSecret: very-secret", "very-secret"),
        ('msg="token=\\"abc\\" rest"', "abc"),
        ('body {\\"password\\":\\"hunter2\\", x}', "hunter2"),
        ("DB_PASS=hunter2", "hunter2"),
        ("pass: hunter2", "hunter2"),
        ("password := hunter2", "hunter2"),
        ("password==hunter2", "hunter2"),
        ("password=;hunter2", "hunter2"),
        ("POST user=bob%26password%3Dhunter2", "hunter2"),
        ("password=&quot;hunter2 x&quot;", "hunter2 x"),
        ("<wsse:Password Type='PasswordText'>hunter2</wsse:Password>", "hunter2"),
        ('CREATE USER bob IDENTIFIED BY "hunter2"', "hunter2"),
        ("ALTER USER bob IDENTIFIED WITH mysql_native_password BY 'hunter2'", "hunter2"),
        ("AccountKey=Zm9v+/bar==;EndpointSuffix=core", "Zm9v"),
        ("encryption_key: 0123abcd", "0123abcd"),
        ("api key: 0123abcd", "0123abcd"),
        ("GET /files?sig=0123abcd&se=2026", "0123abcd"),
        ("PHPSESSID=0123abcd", "0123abcd"),
        ("Bearer: 0123456789abcdef", "0123456789"),
        ("C: AUTH PLAIN AGJvYgBodW50ZXIy", "AGJvYg"),
        ("clone https://0123456789abcdef0123@git.example.com/x", "0123456789"),
        ("CMD (curl -s -u bob:hunter2 https://example.com)", "hunter2"),
        ("COMMAND=/usr/bin/mysql -u root -phunter2 shop", "hunter2"),
        ("post to hooks.slack.com/services/T00/B00/0123abcd", "0123abcd"),
        ("get api.telegram.org/bot123456:AAHdqTcvCH1vGWJxfSe/getMe", "AAHdqT"),
    ],
)
def test_mask_of_a_secret_leaves_nothing_of_it(line: str, secret: str) -> None:
    assert secret not in mask(line)
    assert "[masked]" in mask(line)


@pytest.mark.parametrize(
    "line",
    [
        "Failed password for root from 10.0.0.1 port 22 ssh2",
        "GET http://example.com:8080/path?x=1",
        "the key to success: work",
        "tokenizer finished",
        "bypass=1 compass: north",
        "git clone ssh://git@example.com/x",
        "ERROR 2026-03-01 something broke at foo.py:12",
        "bob@example.com logged in",
    ],
)
def test_mask_of_a_line_without_a_secret_leaves_it_as_it_is(line: str) -> None:
    assert mask(line) == line


def test_mask_of_addresses_is_done_when_wanted() -> None:
    assert mask("from bob.b+x@mail.example.com to me", addresses=True) == "from [masked] to me"


@pytest.mark.parametrize(
    "piece",
    [
        "-",
        "a",
        "eyJ",
        "://",
        "password",
        "password=",
        "'",
        '"',
        "@",
        "a.",
        "token ",
        "\\",
        "<pass ",
        "curl -u ",
        "&quot;",
    ],
)
def test_mask_of_a_hostile_line_ends_soon(piece: str) -> None:
    line = (piece * 8192)[:8192] + "token"
    began = time.process_time()
    mask(line, addresses=True)
    assert time.process_time() - began < 2
