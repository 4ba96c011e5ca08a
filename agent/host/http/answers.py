"""What a web server answers, read from a stream: its head, and a body that ends where the head says (RFC 9112)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from io import BufferedReader
from typing import Any

from msgspec import Struct

from agent.host.output import visible
from agent.host.wires import NoAnswer

MOST_LINE = 1 << 16
"""Bytes that one line of a head may have."""

MOST_FIELDS = 100

_STATUS_LINE = re.compile(rb"HTTP/(?:1\.\d|0\.9)[ \t]+([1-9]\d\d)(?:[ \t].*)?")
_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;.*)?")
_BODILESS = frozenset({HTTPStatus.SWITCHING_PROTOCOLS, HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})


class Head(Struct, frozen=True):
    """The status and the fields: names in lower case, and what comes twice joined by a comma.

    `length` is how many bytes the body has, None where it comes in chunks (`chunked`) or ends with the connection.
    """

    status: int
    fields: Mapping[str, str]
    length: int | None
    chunked: bool


def read_head(stream: BufferedReader[Any], method: str) -> Head:
    """Given what was asked with, return the head; those before it that only tell of it (1xx) are passed over.

    Raises NoAnswer.
    """
    while True:
        if not stream.peek(1):
            raise _nonsense("it says nothing")
        line = _line(stream)
        found = _STATUS_LINE.fullmatch(line)
        if found is None:
            raise _nonsense(f"it begins with {visible(line[:100])!r}")
        status, fields = int(found[1]), _fields(stream)
        if status >= 200 or status == HTTPStatus.SWITCHING_PROTOCOLS:
            break
    length, chunked = _end_of_body(fields)
    if method == "HEAD" or status in _BODILESS:
        length, chunked = 0, False
    return Head(status, fields, length, chunked)


def read_body(stream: BufferedReader[Any], head: Head, most: int) -> bytes:
    """Return the whole body that belongs to a head. Raises NoAnswer for one of more than `most` bytes, or cut short."""
    if head.chunked:
        return _chunks(stream, most)
    body = stream.read(most + 1 if head.length is None else min(head.length, most + 1))
    if len(body) > most:
        raise _too_long(most)
    if head.length is not None and len(body) < head.length:
        raise NoAnswer(f"the answer ends early: {head.length - len(body)} bytes are missing")
    return body


def _fields(stream: BufferedReader[Any]) -> dict[str, str]:
    fields: dict[str, str] = {}
    name = ""
    for _ in range(MOST_FIELDS + 1):
        line = _line(stream)
        if not line:
            return fields
        text = line.decode("latin-1")
        if text[0] in " \t":  # what a field goes on with
            if name:
                fields[name] += f" {text.strip()}"
            continue
        name, colon, value = text.partition(":")
        name = name.strip().lower()
        if not colon or not name:
            raise _nonsense(f"{visible(text[:100])!r} is no field of a head")
        fields[name] = f"{fields[name]}, {value.strip()}" if name in fields else value.strip()
    raise _nonsense(f"its head has more than {MOST_FIELDS} fields")


def _end_of_body(fields: Mapping[str, str]) -> tuple[int | None, bool]:
    """Return how long a body is and whether it comes in chunks. Raises NoAnswer where the head leaves that open.

    That is section 6.3 of RFC 9112.
    """
    told, coding = fields.get("content-length"), fields.get("transfer-encoding")
    lengths = {one.strip() for one in told.split(",")} if told is not None else set()
    if len(lengths) > 1 or any(not (one.isascii() and one.isdigit() and len(one) < 20) for one in lengths):
        raise NoAnswer(f"its length is {visible(told or '')[:100]}, which is none")
    if coding is not None and (coding.lower() != "chunked" or lengths):
        raise NoAnswer(f"where its body ends is not certain: it is coded as {visible(coding)[:100]}")
    return (int(lengths.pop()) if lengths else None), coding is not None


def _chunks(stream: BufferedReader[Any], most: int) -> bytes:
    body = bytearray()
    while True:
        line = _line(stream)
        found = _CHUNK_LINE.fullmatch(line)
        if found is None:
            raise NoAnswer(f"the answer ends early: {visible(line[:100])!r} is no length of a chunk")
        size = int(found[1], 16)
        if not size:  # fields that may follow are of no use here
            return bytes(body)
        if len(body) + size > most:
            raise _too_long(most)
        chunk = stream.read(size)
        if len(chunk) < size or _line(stream):
            raise NoAnswer("the answer ends early: a chunk is cut")
        body += chunk


def _line(stream: BufferedReader[Any]) -> bytes:
    """Return the next line without its end. Raises NoAnswer where there is none."""
    line = stream.readline(MOST_LINE + 1)
    if not line.endswith(b"\n"):
        raise _nonsense("a line is too long") if len(line) > MOST_LINE else NoAnswer("the answer ends early")
    return line.rstrip(b"\r\n")


def _nonsense(why: str) -> NoAnswer:
    return NoAnswer(f"not an answer of a web server: {why}")


def _too_long(most: int) -> NoAnswer:
    return NoAnswer(f"the body has more than {most} bytes")
