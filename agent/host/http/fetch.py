"""Ask a web server one thing, and trust nothing that it says: bounded in time and memory, to the last byte."""

from __future__ import annotations

import io
import time
from collections.abc import Mapping
from urllib.parse import SplitResult, urljoin, urlsplit

from msgspec import Struct, field
from msgspec.structs import replace

from agent import __version__
from agent.host.http.answers import read_body, read_head
from agent.host.output import visible
from agent.host.wires import (
    Deadline,
    NoAnswer,
    Stream,
    Tls,
    certificate_of,
    connect,
    context_of,
    look_up,
    secured,
    send,
)

MOST_HEAD = 1 << 16
"""Bytes that the head of an answer may have, redirects apart."""

MOST_REDIRECTS = 10
_REDIRECTS = (301, 302, 303, 307, 308)


class Asked(Struct, frozen=True, kw_only=True):
    """What is asked. `redirects` is `none`, `same-host` (scheme, host, port stay) or `any`; bodies have `most` bytes.

    Headers go to the host of the address alone.
    """

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    redirects: str = "none"
    most: int = 1 << 20
    tls: Tls = Tls()


class Fetched(Struct, frozen=True, kw_only=True):
    """An answer. Seconds are of its last request, but for `total`; `certificate` is in DER, None without TLS."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    redirects: int
    dns: float
    connect: float
    tls: float | None
    first_byte: float
    total: float
    certificate: bytes | None


def fetch(asked: Asked, timeout: float) -> Fetched:
    """Ask, within so many seconds. Raises NoAnswer when the server does not answer properly, CannotTell."""
    began = time.monotonic()
    deadline = Deadline(timeout)
    for followed in range(MOST_REDIRECTS + 1):
        found = _once(asked, deadline)
        further = _further(asked, found)
        if further is None:
            return replace(found, redirects=followed, total=time.monotonic() - began)
        asked = further
    raise NoAnswer(f"more than {MOST_REDIRECTS} redirects")


def _further(asked: Asked, found: Fetched) -> Asked | None:
    """Given an answer, return what to ask next if it leads elsewhere and that may be followed."""
    if asked.redirects == "none" or found.status not in _REDIRECTS or "location" not in found.headers:
        return None
    try:
        target = urljoin(asked.url, _speakable(found.headers["location"]))
        here, there = urlsplit(asked.url), urlsplit(target)
        (there.hostname or "").encode("idna")
        same = (here.scheme, here.hostname, _port(here)) == (there.scheme, there.hostname, _port(there))
    except ValueError:
        raise NoAnswer("it leads to an address that is none") from None
    if there.scheme not in ("http", "https") or (here.scheme == "https" and there.scheme == "http"):
        raise NoAnswer("it leads away from HTTPS or to something that is not HTTP")
    if not same and asked.redirects != "any":
        raise NoAnswer(f"it leads to another host, {visible(there.netloc)[:100]}, which may not be followed")
    keeps = found.status in (307, 308) or asked.method in ("GET", "HEAD")
    return replace(
        asked,
        url=target,
        method=asked.method if keeps else "GET",
        body=asked.body if keeps else b"",
        headers=asked.headers if same else {},
    )


def _speakable(location: str) -> str:
    """Return an address as it is. Raises ValueError for one that would be more than an address in a request."""
    if not location.isascii() or not location.isprintable() or " " in location:
        raise ValueError
    return location


def _port(url: SplitResult) -> int:
    return url.port or (443 if url.scheme == "https" else 80)


def _once(asked: Asked, deadline: Deadline) -> Fetched:
    url = urlsplit(asked.url)
    host = url.hostname or ""
    context = context_of(asked.tls) if url.scheme == "https" else None
    addresses = look_up(host, _port(url))
    sock, connecting = connect(addresses, deadline)
    shaking: float | None = None
    try:
        if context is not None:
            sock, shaking = secured(sock, context, asked.tls.server_name or host, deadline)
        sent = time.monotonic()
        send(sock, _request(asked, url), deadline)
        stream = Stream(sock, deadline, MOST_HEAD + asked.most + asked.most // 8)
        status, headers, body = _answer(stream, asked)
        return Fetched(
            status=status,
            headers=headers,
            body=body,
            redirects=0,
            dns=addresses.seconds,
            connect=connecting,
            tls=shaking,
            first_byte=(stream.first or sent) - sent,
            total=0.0,
            certificate=certificate_of(sock),
        )
    finally:
        sock.close()


def _request(asked: Asked, url: SplitResult) -> bytes:
    path = (url.path or "/") + (f"?{url.query}" if url.query else "")
    host = url.netloc.rpartition("@")[2]
    fields = {
        "Host": host,
        "User-Agent": f"hostkeeper/{__version__}",
        "Accept": "*/*",
        # Nothing is unpacked here, so nothing can be packed to burst.
        "Accept-Encoding": "identity",
        "Connection": "close",
    }
    if asked.body or asked.method not in ("GET", "HEAD", "OPTIONS"):
        fields["Content-Length"] = str(len(asked.body))
    given = {name.title(): value for name, value in asked.headers.items()}
    lines = [f"{asked.method} {path} HTTP/1.1", *(f"{k}: {v}" for k, v in (fields | given).items())]
    return "\r\n".join([*lines, "", ""]).encode("utf-8") + asked.body


def _answer(stream: Stream, asked: Asked) -> tuple[int, Mapping[str, str], bytes]:
    buffered = io.BufferedReader(stream)
    head = read_head(buffered, asked.method)
    body = read_body(buffered, head, asked.most)
    if head.fields.get("content-encoding", "identity").lower() not in ("identity", ""):
        raise NoAnswer("the body is packed, which was not asked for")
    return head.status, head.fields, body
