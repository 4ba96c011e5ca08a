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


def test_reply_whose_names_lead_back_too_often_is_refused() -> None:
    txt = ASKED.replace(b"\x00\x01\x00\x01", b"\x00\x10\x00\x01")
    begins = len(HEAD + txt) + 11
    chain = b"\0\0" + b"".join((0xC000 | (begins + 2 * n)).to_bytes(2, "big") for n in range(128))
    holder = b"\0\x00\x63\x00\x01\0\0\0\0" + len(chain).to_bytes(2, "big") + chain
    last = (0xC000 | (begins + 2 * 128)).to_bytes(2, "big") + b"\x00\x10\x00\x01\0\0\0\0\0\0"
    with pytest.raises(BadMessage, match="leads nowhere"):
        reply(HEAD[:6] + b"\0\2" + HEAD[8:] + txt + holder + last, 7, "shop.example", "TXT")


LEADS = b"\xc0\x0c\x00\x05\x00\x01\x00\x00\x00\x3c\x00\x0f\x05other\x07example\x00"
OTHER = b"\x05Other\x07example\x00" + RECORD[2:]


@pytest.mark.parametrize(
    ("records", "values"),
    [
        ([OTHER], ()),
        ([LEADS, OTHER], ("192.0.2.10",)),
        ([OTHER, LEADS], ("192.0.2.10",)),
        ([LEADS, LEADS.replace(b"\xc0\x0c", b"\x05other\x07example\x00")], ()),
        ([RECORD, OTHER], ("192.0.2.10",)),
    ],
    ids=["of another name", "by way of it", "in another order", "in a circle", "beside"],
)
def test_reply_has_what_is_of_the_name_that_was_asked_for(records: list[bytes], values: tuple[str, ...]) -> None:
    message = HEAD[:7] + bytes([len(records)]) + HEAD[8:] + ASKED + b"".join(records)
    assert reply(message, 7, "shop.example", "A").values == values


def test_reply_about_a_name_of_other_letters_is_one() -> None:
    message = question(7, "bücher.example", "A")
    asked = message[12 : message.index(b"\0", 12) + 5]
    assert reply(HEAD + asked + RECORD, 7, "bücher.example", "A").values == ("192.0.2.10",)


@given(st.binary(max_size=200), st.sampled_from(sorted(TYPES)))
def test_reply_of_any_bytes_is_read_or_refused(noise: bytes, kind: str) -> None:
    asked = NAME + TYPES[kind].to_bytes(2, "big") + b"\x00\x01"
    with contextlib.suppress(BadMessage):
        reply(HEAD + asked + noise, 7, "shop.example", kind)


@pytest.mark.parametrize("name", ["", "a..b", "x" * 64, ".".join(["abcdefgh"] * 30)])
def test_question_of_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"name|label"):
        question(1, name, "A")
