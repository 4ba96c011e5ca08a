from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.rules.dns import TYPES, BadMessage, question, reply

NAME = b"\x04shop\x07example\x00"
HEAD = b"\x00\x07\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00"
ASKED = NAME + b"\x00\x01\x00\x01"
RECORD = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00\x02\x0a"


def test_question_names_what_is_asked() -> None:
    message = question(7, "shop.example", "A")
    assert message[:2] == b"\x00\x07"
    assert ASKED in message


def test_reply_gives_values_and_their_ttl() -> None:
    found = reply(HEAD + ASKED + RECORD, 7, "shop.example", "A")
    assert (found.code, found.truncated, found.values, found.ttl) == (0, False, ("192.0.2.10",), 60)


@pytest.mark.parametrize(
    "message",
    [
        b"",
        HEAD,
        HEAD.replace(b"\x00\x07", b"\x00\x08", 1) + ASKED + RECORD,
        HEAD.replace(b"\x81", b"\x01") + ASKED + RECORD,
        HEAD + NAME.replace(b"shop", b"evil") + b"\x00\x01\x00\x01" + RECORD,
        HEAD + NAME + b"\x00\x1c\x00\x01" + RECORD,
        HEAD + ASKED + RECORD[:-1],
        HEAD + ASKED + RECORD.replace(b"\xc0\x0c", b"\xc0\x1e"),
        HEAD + b"\xc0\x0c" + b"\x00\x01\x00\x01" + RECORD,
        HEAD + ASKED + RECORD.replace(b"\x00\x04\xc0", b"\x00\x03\xc0"),
        HEAD + ASKED + RECORD.replace(b"\xc0\x0c", b"\x80\x0c"),
    ],
)
def test_reply_that_is_none_to_the_question_is_refused(message: bytes) -> None:
    with pytest.raises(BadMessage):
        reply(message, 7, "shop.example", "A")


@given(st.binary(max_size=200), st.sampled_from(sorted(TYPES)))
def test_reply_of_any_bytes_is_read_or_refused(noise: bytes, kind: str) -> None:
    asked = NAME + TYPES[kind].to_bytes(2, "big") + b"\x00\x01"
    with contextlib.suppress(BadMessage):
        reply(HEAD + asked + noise, 7, "shop.example", kind)


@pytest.mark.parametrize("name", ["", "a..b", "x" * 64, ".".join(["abcdefgh"] * 30)])
def test_question_of_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"name|label"):
        question(1, name, "A")
