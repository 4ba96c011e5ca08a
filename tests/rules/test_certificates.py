from __future__ import annotations

import contextlib
import ssl
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agent.rules.certificates import days_left, not_after


@pytest.mark.parametrize("days", [1, 90, 20_000])
def test_certificate_expires_when_openssl_says_so(days: int, tmp_path: Path) -> None:
    cert = tmp_path / "cert.pem"
    ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(tmp_path / "key.pem")]
    argv = ["openssl", "req", "-x509", *ec, "-out", str(cert), "-subj", "/CN=shop", "-days", str(days)]
    subprocess.run(argv, check=True, capture_output=True)
    said = subprocess.run(["openssl", "x509", "-enddate", "-noout", "-in", cert], check=True, capture_output=True)
    wanted = ssl.cert_time_to_seconds(said.stdout.decode().strip().removeprefix("notAfter="))
    der = ssl.PEM_cert_to_DER_cert(cert.read_text())
    assert not_after(der) == wanted
    assert days_left(der, wanted - 86400) == 1


@given(st.binary(max_size=100))
def test_certificate_of_any_bytes_is_refused(noise: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        not_after(b"\x30\x82" + noise)


def sequence(*parts: bytes) -> bytes:
    content = b"".join(parts)
    return bytes([0x30, len(content)]) + content


TIME = b"\x17\x0d260101000000Z"
PLAIN = sequence(
    sequence(b"\xa0\x03\x02\x01\x02", b"\x02\x01\x07", sequence(b"\x06\x01\x2a"), sequence(), sequence(TIME, TIME)),
    sequence(b"\x06\x01\x2a"),
)
CHANGES = st.lists(st.tuples(st.integers(0, len(PLAIN) - 1), st.integers(0, 255)), max_size=4)


@given(CHANGES, st.integers(0, len(PLAIN)))
@example([(22, 28)], len(PLAIN))
def test_certificate_that_was_damaged_is_read_or_refused(changes: list[tuple[int, int]], size: int) -> None:
    der = bytearray(PLAIN)
    for place, code in changes:
        der[place] = code
    with contextlib.suppress(ValueError):
        assert not_after(bytes(der[:size])) > -63e9


def test_certificate_of_the_least_is_read() -> None:
    assert not_after(PLAIN) == datetime(2026, 1, 1, tzinfo=UTC).timestamp()
