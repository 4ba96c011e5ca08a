from __future__ import annotations

import ssl
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
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
