"""Output of commands: its tail, and nothing in it that could act on a terminal or a log."""

from __future__ import annotations

import os
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from agent.host.output import Tail, visible


def test_visible_plain_text_stays() -> None:
    assert visible(b"one\ttwo\nthree \xc3\xa4\xe2\x82\xac\n") == "one\ttwo\nthree ä€\n"


def test_visible_writes_out_what_could_act() -> None:
    assert visible("\x1b[31mred\x07") == "\\x1b[31mred\\x07"
    assert visible("\x9b2J\x7f\x00") == "\\x9b2J\\x7f\\x00"
    assert visible("abc\u202edcba\u2066\u200f") == "abc\\u202edcba\\u2066\\u200f"
    assert visible("a\u2028b\u0085c") == "a\\u2028b\\x85c"
    assert visible("progress 1\rprogress 2\r\n") == "progress 1\\x0dprogress 2\n"
    assert visible(b"\xff\xfe") == "\ufffd\ufffd"
    assert visible("lone \ud800") == "lone \\ud800"


@given(st.binary(max_size=200))
def test_visible_any_bytes_is_printable_text(raw: bytes) -> None:
    text = visible(raw)
    text.encode("utf-8")
    assert all(character in "\n\t" or unicodedata.category(character) != "Cc" for character in text)
    assert visible(text) == text


@given(st.lists(st.binary(max_size=50), max_size=20), st.integers(0, 60))
def test_tail_any_chunks_keeps_the_end(chunks: list[bytes], limit: int) -> None:
    tail = Tail(limit)
    for chunk in chunks:
        tail.feed(chunk)
    whole = b"".join(chunks)
    kept = whole[-limit:] if limit else b""
    if len(kept) < len(whole):
        kept = kept.lstrip(bytes(range(0x80, 0xC0)))
    assert tail.total == len(whole)
    assert tail.text() == visible(kept)


def test_tail_cut_within_a_character_drops_its_rest() -> None:
    tail = Tail(4)
    tail.feed("ab€d".encode())
    assert tail.text() == "€d"
    tail.feed(b"e")
    assert tail.text() == "de"


def test_tail_reads_what_is_there_and_no_more() -> None:
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    tail = Tail(10)
    assert tail.read(reader)
    os.write(writer, b"some bytes")
    assert tail.read(reader)
    os.close(writer)
    assert not tail.read(reader)
    assert tail.text() == "some bytes"
    os.close(reader)
