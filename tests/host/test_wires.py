from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent.host.wires import CannotTell, Tls, context_of
from tests.probes.kinds.peers import certificate


def test_context_is_kept_until_its_files_change(tmp_path: Path) -> None:
    certificate(tmp_path)
    settings = Tls(ca_file=str(tmp_path / "cert.pem"))
    first = context_of(settings)
    assert context_of(Tls(ca_file=str(tmp_path / "cert.pem"))) is first
    assert context_of(Tls(ca_file=str(tmp_path / "cert.pem"), verify=False)) is not first
    (tmp_path / "new").write_bytes((tmp_path / "cert.pem").read_bytes())
    os.replace(tmp_path / "new", tmp_path / "cert.pem")
    assert context_of(settings) is not first


def test_context_of_files_that_are_missing_is_made_once_they_are_there(tmp_path: Path) -> None:
    settings = Tls(ca_file=str(tmp_path / "cert.pem"))
    with pytest.raises(CannotTell, match=r"cert\.pem"):
        context_of(settings)
    certificate(tmp_path)
    assert context_of(settings).verify_mode.name == "CERT_REQUIRED"
