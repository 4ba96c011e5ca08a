"""Certificates as an admin makes them, by openssl: an authority, and what it signs."""

from __future__ import annotations

import subprocess
from pathlib import Path


def openssl(*arguments: str, place: Path) -> None:
    """Run openssl in a place."""
    subprocess.run(["openssl", *arguments], cwd=place, check=True, capture_output=True)


class Authority:
    """An authority in a place of its own; `ca.crt` is its certificate."""

    def __init__(self, place: Path, name: str = "ca") -> None:
        self.place = place
        self.ca = place / f"{name}.crt"
        self._name = name
        curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
        subject = ("-subj", f"/CN={name}", "-days", "30")
        openssl("req", "-x509", *curve, *subject, "-keyout", f"{name}.key", "-out", f"{name}.crt", place=place)

    def sign(self, name: str, *, days: int = 30, names: str = "DNS:localhost,IP:127.0.0.1", rsa: bool = False) -> Path:
        """Make a key and a certificate for it; return the certificate, beside which the key is `.key`."""
        kind = ("rsa:2048",) if rsa else ("ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
        request = ("-newkey", *kind, "-nodes", "-subj", f"/CN={name}", "-addext", f"subjectAltName={names}")
        openssl("req", "-new", *request, "-keyout", f"{name}.key", "-out", f"{name}.csr", place=self.place)
        signer = ("-CA", f"{self._name}.crt", "-CAkey", f"{self._name}.key", "-CAcreateserial", "-days", str(days))
        signed = ("-copy_extensions", "copy", "-out", f"{name}.crt")
        openssl("x509", "-req", "-in", f"{name}.csr", *signer, *signed, place=self.place)
        return self.place / f"{name}.crt"
