"""Basic authentication (RFC 7617) against bcrypt hashes, whose check is slow on purpose."""

from __future__ import annotations

import binascii
import hashlib
import hmac
import os
from collections.abc import Mapping
from typing import NamedTuple

import bcrypt

MOST_BYTES = 72
"""What bcrypt looks at of a password; like every other program, this one ignores the rest."""

MOST_REFUSED = 1024
"""How many refused claims are remembered, so that who repeats one costs nothing."""


class Claim(NamedTuple):
    """A user name and a password that have yet to be checked. `digest` names the claim without telling it."""

    digest: bytes
    known: bool
    hashed: bytes
    password: bytes


class Passwords:
    """Judges claims; `users` gives the bcrypt hash of each user's password.

    `judged` answers at once what has been checked before; `check` takes as long as bcrypt does, and as long for an
    unknown user, whose password is checked against the hash of a known one. Results are kept under a keyed digest, of
    refusals the last `most_refused`.
    """

    def __init__(self, users: Mapping[str, str], most_refused: int = MOST_REFUSED) -> None:
        self._most_refused = most_refused
        self._users = {name.encode(): hashed.encode("ascii") for name, hashed in users.items()}
        self._hashes = tuple(self._users.values())
        self._key = os.urandom(32)
        self._good: dict[bytes, bytes] = {}
        self._refused: dict[bytes, None] = {}

    def judged(self, authorization: str) -> bool | Claim:
        """Given an Authorization field, return whether it lets its sender in, or the claim that has to be checked."""
        scheme, _, encoded = authorization.partition(" ")
        if scheme.lower() != "basic":
            return False
        try:
            name, colon, password = binascii.a2b_base64(encoded.strip(), strict_mode=True).partition(b":")
        except ValueError:
            return False
        if not colon:
            return False
        claim = self._claim(name, password)
        known = self._known(claim)
        return claim if known is None else known

    def check(self, claim: Claim) -> bool:
        """Given a claim, check it; for one thread at a time, which may be another one than that of `judged`."""
        known = self._known(claim)
        if known is not None:
            return known
        matches = bcrypt.checkpw(claim.password[:MOST_BYTES], claim.hashed)
        if matches and claim.known:
            # One claim of each user is good, but for what lies beyond the bytes that bcrypt looks at.
            self._good[claim.hashed] = claim.digest
            return True
        if len(self._refused) >= self._most_refused:
            del self._refused[next(iter(self._refused))]
        self._refused[claim.digest] = None
        return False

    def _known(self, claim: Claim) -> bool | None:
        good = self._good.get(claim.hashed, b"")
        if hmac.compare_digest(good, claim.digest):
            return True
        return False if claim.digest in self._refused else None

    def _claim(self, name: bytes, password: bytes) -> Claim:
        hashed = self._users.get(name)
        who = self._digest(name)
        # The same hash for the same unknown name, so that not even its cost tells that the name is unknown.
        against = self._hashes[who[0] % len(self._hashes)] if hashed is None else hashed
        return Claim(self._digest(who + password), hashed is not None, against, password)

    def _digest(self, data: bytes) -> bytes:
        return hmac.new(self._key, data, hashlib.sha256).digest()
