from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.rules.joining import MOST_LINES, Joiner, Record

PYTHON = b"""ERROR it failed
Traceback (most recent call last):
  File "a.py", line 1, in f
    g()
ValueError: bad

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "a.py", line 2, in f
KeyError: 'x'
INFO next"""
JAVA = b"""java.lang.IllegalStateException: no
\tat shop.Cart.add(Cart.java:12)
\t... 12 more
Caused by: java.io.IOException: disk
\tat shop.Disk.write(Disk.java:1)
INFO next"""
GO = b"""panic: boom

goroutine 1 [running]:
main.f(...)
\t/srv/main.go:5
main.main()
\t/srv/main.go:9
exit status 2
INFO next"""
KEY = b"""loaded -----BEGIN PRIVATE KEY-----
MIIEowIBAAKCAQEA
-----END PRIVATE KEY-----
INFO next"""


def joined(text: bytes) -> list[Record]:
    joiner = Joiner()
    return [*joiner.take(text.split(b"\n")), *joiner.end()]


LONG = b"MIIEowIBAAKCAQEA" * 4
TOLD_KEY = b"""10:00 shop: -----BEGIN RSA PRIVATE KEY-----
10:00 shop: Proc-Type: 4,ENCRYPTED
10:00 shop:
10:00 shop: %(line)s
10:00 shop: %(line)s
10:00 shop: MIIEow==
10:00 shop: -----END RSA PRIVATE KEY-----
INFO next""" % {b"line": LONG}
NO_KEY = b"""GET /?q=-----BEGIN HTTP/1.1
ERROR refused
ERROR refused
ERROR refused
ERROR refused
INFO next"""


@pytest.mark.parametrize(
    ("text", "lines", "last"),
    [
        (PYTHON, [1, 10, 1], b"KeyError: 'x'"),
        (JAVA, [5, 1], b""),
        (GO, [8, 1], b""),
        (KEY, [3, 1], b""),
        (TOLD_KEY, [7, 1], b""),
        (NO_KEY, [4, 1, 1], b""),
        (b"{\n  'a': 1\n}\nnext", [3, 1], b""),
        (b"one\ntwo\n\nthree", [1, 2, 1], b""),
    ],
)
def test_joiner_joins_what_belongs_together(text: bytes, lines: list[int], last: bytes) -> None:
    found = joined(text)
    assert [record.lines for record in found] == lines
    assert last in [record.last for record in found]


def test_joiner_of_lines_that_never_end_begins_a_new_record_now_and_then() -> None:
    assert [one.lines for one in joined(b"\n".join([b" x"] * (MOST_LINES + 3)))] == [MOST_LINES, 3]


@given(st.lists(st.sampled_from([*PYTHON.split(b"\n"), *JAVA.split(b"\n"), *GO.split(b"\n"), *KEY.split(b"\n")])))
def test_joiner_keeps_every_line_and_byte(lines: list[bytes]) -> None:
    joiner = Joiner()
    found = [record for line in lines for record in joiner.take([line])] + joiner.end()
    assert sum(record.lines for record in found) == len(lines)
    assert sum(record.size for record in found) == sum(len(line) + 1 for line in lines)
