"""Users and passwords: who is let in, what is remembered, and what time tells."""

from __future__ import annotations

import time

import bcrypt
import pytest

from agent.host.http.passwords import Claim, Passwords
from tests.host.http.client import basic


def hashed(password: str, cost: int = 4) -> str:
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(cost)).decode()


def lets_in(passwords: Passwords, authorization: str) -> bool:
    judged = passwords.judged(authorization)
    return judged if isinstance(judged, bool) else passwords.check(judged)


USERS = {"prometheus": hashed("secret"), "älice": hashed("pass:wörd "), "bob": hashed("")}


@pytest.mark.parametrize(
    ("name", "password", "welcome"),
    [
        ("prometheus", "secret", True),
        ("prometheus", "Secret", False),
        ("prometheus", "", False),
        ("Prometheus", "secret", False),
        ("älice", "pass:wörd ", True),
        ("älice", "pass:wörd", False),
        ("bob", "", True),
        ("nobody", "secret", False),
        ("", "", False),
    ],
)
def test_who_knows_a_password_is_let_in(name: str, password: str, welcome: bool) -> None:
    passwords = Passwords(USERS)
    for _ in range(2):  # the second time from memory
        assert lets_in(passwords, basic(name, password)) is welcome


@pytest.mark.parametrize("hash_form", ["$2a$", "$2b$", "$2y$"])
def test_hashes_of_every_program_are_understood(hash_form: str) -> None:
    users = {"prometheus": hashed("secret").replace("$2b$", hash_form)}
    assert lets_in(Passwords(users), basic("prometheus", "secret"))


def test_what_bcrypt_does_not_look_at_does_not_matter() -> None:
    passwords = Passwords({"prometheus": hashed("x" * 72)})
    assert lets_in(passwords, basic("prometheus", "x" * 72 + "y"))
    assert not lets_in(passwords, basic("prometheus", "x" * 71))
    assert not lets_in(passwords, basic("prometheus", "a\0b"))


@pytest.mark.parametrize(
    "authorization",
    ["", "Basic", "Basic ", "Basic !!!!", "Basic cHJvbWV0aGV1cw==", "Bearer abc", "Digest x", "Basic\tcHJvbTpz"],
)
def test_field_that_is_none_is_refused_without_a_check(authorization: str) -> None:
    assert Passwords(USERS).judged(authorization) is False


def test_what_was_checked_is_answered_at_once() -> None:
    passwords = Passwords(USERS)
    for password, welcome in (("secret", True), ("wrong", False)):
        claim = passwords.judged(basic("prometheus", password))
        assert isinstance(claim, Claim)
        assert passwords.check(claim) is welcome
        assert passwords.judged(basic("prometheus", password)) is welcome
        assert passwords.judged(basic("bob", password)) is not welcome


def test_memory_of_refusals_is_bounded_and_never_pushes_out_who_is_let_in() -> None:
    passwords = Passwords(USERS, most_refused=20)
    assert lets_in(passwords, basic("prometheus", "secret"))
    for number in range(25):
        assert not lets_in(passwords, basic("prometheus", f"wrong {number}"))
    assert passwords.judged(basic("prometheus", "secret")) is True
    assert isinstance(passwords.judged(basic("prometheus", "wrong 0")), Claim)
    assert passwords.judged(basic("prometheus", "wrong 24")) is False


def test_time_does_not_tell_who_is_known() -> None:
    passwords = Passwords({"prometheus": hashed("secret", 9)})

    def seconds(name: str, number: int) -> float:
        started = time.thread_time()
        assert not lets_in(passwords, basic(name, f"wrong {number}"))
        return time.thread_time() - started

    # In turns, and the fastest: a busy host slows down some of them, now of one kind and now of the other.
    times = [(seconds("prometheus", number), seconds("nobody", number)) for number in range(7)]
    known, unknown = map(min, zip(*times, strict=True))
    assert known == pytest.approx(unknown, rel=0.3)
    assert unknown > 0.005


def test_claim_is_not_told_by_its_digest() -> None:
    claims = [passwords.judged(basic("bob", "x")) for passwords in (Passwords(USERS), Passwords(USERS))]
    digests = {claim.digest for claim in claims if isinstance(claim, Claim)}
    assert len(digests) == 2
