"""Digests: the right ones, and each loaded by those alone who ask for it."""

from __future__ import annotations

import subprocess
import sys

from agent.digests import blake3, content_sha256, sha256

EMPTY = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
"""The BLAKE3 of nothing, as b3sum tells it."""


def test_blake3_of_pieces_is_that_of_the_whole() -> None:
    digest = blake3()
    assert digest.hexdigest() == blake3(b"").hexdigest() == EMPTY
    digest.update(b"ab")
    digest.update(memoryview(b"c"))
    assert digest.hexdigest() == blake3(b"abc").hexdigest() != EMPTY


def test_both_kinds_of_sha256_are_the_same() -> None:
    digest = content_sha256()
    assert digest.hexdigest() == sha256(b"").hexdigest()
    digest.update(memoryview(b"abc"))
    assert digest.hexdigest() == sha256(b"abc").hexdigest()


def test_whoever_asks_for_no_blake3_does_not_load_it() -> None:
    code = (
        "import sys, agent.daemon, agent.actions.backup.create, agent.drivers.repositories.tar;"
        "print([name for name in sys.modules if name.startswith('blake3')])"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout == "[]\n"
