"""HTTP/1.1 requests without a body, and responses: parsing and writing as pure functions (RFC 9110, RFC 9112)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

HEAD_LIMIT = 8192
"""Bytes of a request line and its headers together."""

FIELDS_LIMIT = 64
"""How many header fields a request may have."""

STATUS_TEXT: Mapping[int, str] = {
    200: "OK",
    304: "Not Modified",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    408: "Request Timeout",
    413: "Content Too Large",
    414: "URI Too Long",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    503: "Service Unavailable",
    505: "HTTP Version Not Supported",
}

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_REQUEST_LINE = re.compile(rb"(" + _TOKEN + rb") ([!-~]+) HTTP/(\d)\.(\d)")
_FIELD = re.compile(rb"(" + _TOKEN + rb"):[ \t]*([\t -~\x80-\xff]*)")
_BARE_LINE_END = re.compile(rb"(?<!\r)\n|\r(?!\n|\Z)")
_ABSOLUTE = re.compile(r"https?://[^/?#]+", re.IGNORECASE)


class Rejected(Exception):
    """A request that is answered with an error, whereupon the connection is closed."""

    def __init__(self, status: int, why: str) -> None:
        self.status = status
        super().__init__(why)


class Request(Struct, frozen=True):
    """A request: `path` without the query, header names in lower case, repeated fields joined by a comma."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    keep_alive: bool


class Response(Struct, frozen=True):
    """An answer whose body is already rendered; `headers` are additional fields."""

    status: int
    body: bytes
    content_type: str = "text/plain; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()


class Later(Struct, frozen=True):
    """An answer that takes time: another thread calls `make` for it."""

    make: Callable[[], Response]


def text(status: int, sentence: str = "", *headers: tuple[str, str]) -> Response:
    """Given a status and a sentence (by default the status' own words), return a plain text response."""
    return Response(status, f"{sentence or STATUS_TEXT[status]}\n".encode(), headers=headers)


def parse(received: bytes | bytearray) -> tuple[Request, int] | None:
    """Given what a client has sent so far, return the first request and how many bytes it takes.

    None means that more is needed. Raises Rejected for what can never become an acceptable request.
    """
    skipped = 2 if received[:2] == b"\r\n" else 0  # an empty line before a request is tolerated, as RFC 9112 asks
    end = received.find(b"\r\n\r\n", skipped)
    head = bytes(received[skipped : end if end >= 0 else len(received)])
    if len(head) > HEAD_LIMIT:
        if b"\r\n" not in head[:HEAD_LIMIT]:
            raise Rejected(414, f"the request line is longer than {HEAD_LIMIT} bytes")
        raise Rejected(431, f"the headers are longer than {HEAD_LIMIT} bytes")
    if _BARE_LINE_END.search(head) or b"\0" in head:
        raise Rejected(400, "lines end in CR LF, and there are no bare CR, LF or NUL in a request")
    lines = head.split(b"\r\n")
    if len(lines) > FIELDS_LIMIT + (1 if end >= 0 else 2):
        raise Rejected(431, f"there are more than {FIELDS_LIMIT} header fields")
    return None if end < 0 else (_request(lines), end + 4)


def worth_parsing(received: bytearray, seen: int) -> bool:
    """Given what has been received and how much of it was parsed in vain, tell whether parsing could end otherwise.

    A client that sends its bytes one by one would else have the same head parsed thousands of times.
    """
    return received.find(b"\n", seen) >= 0 or len(received) > HEAD_LIMIT


def _request(lines: list[bytes]) -> Request:
    line = _REQUEST_LINE.fullmatch(lines[0])
    if line is None:
        raise Rejected(400, "the request line is not `METHOD target HTTP/1.1`")
    method, target, major, minor = (part.decode("ascii") for part in line.groups())
    if major != "1":
        raise Rejected(505, "this server speaks HTTP/1.1")
    headers = _headers(lines[1:])
    if minor != "0" and ("host" not in headers or "," in headers["host"]):
        raise Rejected(400, "a request has one Host field")
    if "transfer-encoding" in headers or headers.get("content-length", "0").strip("0"):
        raise Rejected(413, "requests to this server have no body")
    path, _, query = _ABSOLUTE.sub("", target, count=1).partition("?")
    connection = {option.strip().lower() for option in headers.get("connection", "").split(",")}
    keep_alive = "close" not in connection and (minor != "0" or "keep-alive" in connection)
    return Request(method, path or "/", query, headers, keep_alive)


def _headers(lines: list[bytes]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in lines:
        field = _FIELD.fullmatch(line)
        if field is None:
            raise Rejected(400, "a header field is not `name: value`")
        name, value = field[1].decode("ascii").lower(), field[2].decode("latin-1").strip(" \t")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def head_of(response: Response, date: str, keep_alive: bool, always: Sequence[tuple[str, str]] = ()) -> bytes:
    """Given a response, the HTTP date of now and whether the connection stays open, return status line and fields.

    `always` are fields of every answer, but where the response has its own.
    """
    own = {name.lower() for name, _ in response.headers}
    lines = [
        f"HTTP/1.1 {response.status} {STATUS_TEXT[response.status]}",
        f"Date: {date}",
        f"Content-Type: {response.content_type}",
        # Of an answer without a body the length would be taken for that of the body it stands for.
        *([] if response.status == 304 else [f"Content-Length: {len(response.body)}"]),
        f"Connection: {'keep-alive' if keep_alive else 'close'}",
        "X-Content-Type-Options: nosniff",
        *(f"{name}: {value}" for name, value in response.headers),
        *(f"{name}: {value}" for name, value in always if name.lower() not in own),
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")
