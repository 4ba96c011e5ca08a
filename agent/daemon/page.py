"""The status page: drawn by a process that ends, one at a time, and kept for the moment.

Drawing it here would hold the loop up and leave its memory behind: ten megabytes for what people look at now and then.
"""

from __future__ import annotations

import logging
import select
import sys
import threading
import time
import zlib
from collections.abc import Callable, Sequence
from functools import partial

from msgspec import Struct

from agent.digests import sha256
from agent.engine.visit import Visit, encode
from agent.errors import AgentError
from agent.host.helper import Helper
from agent.host.http import Later, Request, Response, accepts_gzip, text

LOG = logging.getLogger(__name__)
COMMAND = (sys.executable, "-I", "-m", "agent", "draw-page")

FRESH_SECONDS = 2.0
"""How long a page is shown again as it is."""

PATIENCE = 30.0
"""Seconds after which a page that is not there yet is given up."""

KEPT = 8
"""Pages that are kept, some kilobytes each."""

MOST = 1 << 20
"""Bytes that a page may have; the largest has a twentieth."""

_GLANCE = 0.2

_FIELDS = (
    ("Vary", "Accept-Encoding"),
    ("Cache-Control", "private, no-cache"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Frame-Options", "DENY"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)


class Drawn(Struct, frozen=True):
    """A page: the status of the answer, the hash of its style sheet, the gzipped document and what names it.

    `until` is the monotonic instant until which it is shown as it is.
    """

    status: int
    style: str
    body: bytes
    tag: str
    until: float


class StatusPage:
    """The route of the page. `visit` makes of an address' query what the process is to know; any thread may call it.

    `fresh` is how many seconds a page is shown again as it is.
    """

    def __init__(
        self, visit: Callable[[str], Visit], command: Sequence[str] = COMMAND, fresh: float = FRESH_SECONDS
    ) -> None:
        self._visit = visit
        self._command = command
        self._fresh_for = fresh
        self._kept: dict[str, Drawn] = {}
        self._stopped = threading.Event()
        self._rests_until = 0.0

    def __call__(self, request: Request) -> Response | Later:
        """Answer with the page as it was drawn a moment ago, or have it drawn."""
        kept = self._fresh(request.query)
        return Later(partial(self._make, request)) if kept is None else _response(kept, request)

    def stop(self) -> None:
        """End the process that draws, if there is one."""
        self._stopped.set()

    def _fresh(self, query: str) -> Drawn | None:
        kept = self._kept.get(query)
        return kept if kept is not None and time.monotonic() < kept.until else None

    def _make(self, request: Request) -> Response:
        # Whoever asked for the same page at the same time is answered by one drawing.
        kept = self._fresh(request.query)
        if kept is None:
            # However many ask for however many pages, drawing takes half a processor at most.
            self._stopped.wait(max(0.0, self._rests_until - time.monotonic()))
            began = time.monotonic()
            try:
                kept = self._draw(request.query)
            except (AgentError, OSError, ValueError) as error:
                LOG.error("the status page: %s", error)
                return text(503, "the page cannot be drawn; `hostkeeper status` says the same", ("Retry-After", "5"))
            finally:
                ended = time.monotonic()
                self._rests_until = ended + (ended - began)
            self._keep(request.query, kept)
        return _response(kept, request)

    def _keep(self, query: str, drawn: Drawn) -> None:
        self._kept.pop(query, None)
        if len(self._kept) >= KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[query] = drawn

    def _draw(self, query: str) -> Drawn:
        helper = Helper(self._command, encode(self._visit(query)))
        try:
            output = self._output(helper)
        finally:
            how = helper.end()
        if how:
            raise AgentError(f"the process that draws it ended with {how}")
        head, _, document = output.partition(b"\n")
        status, style = head.decode("ascii").split(" ")
        compressor = zlib.compressobj(6, zlib.DEFLATED, zlib.MAX_WBITS | 16)
        body = compressor.compress(document) + compressor.flush()
        tag = f'W/"{sha256(document).hexdigest()[:32]}"'
        return Drawn(int(status), style, body, tag, time.monotonic() + self._fresh_for)

    def _output(self, helper: Helper) -> bytes:
        ends = time.monotonic() + PATIENCE
        poll = select.poll()
        poll.register(helper.fileno(), select.POLLIN)
        output = b""
        while (data := helper.read()) != b"":
            if self._stopped.is_set() or time.monotonic() > ends or len(output) > MOST:
                raise AgentError("the process that draws it was given up")
            if data is None:
                poll.poll(1000 * _GLANCE)
            else:
                output += data
        return output


def _response(drawn: Drawn, request: Request) -> Response:
    fields = (*_FIELDS, ("ETag", drawn.tag), ("Content-Security-Policy", policy(drawn.style)))
    if drawn.status == 200 and drawn.tag in request.headers.get("if-none-match", ""):
        return Response(304, b"", headers=fields)
    kind = "text/html; charset=utf-8"
    if accepts_gzip(request.headers.get("accept-encoding", "")):
        return Response(drawn.status, drawn.body, kind, (*fields, ("Content-Encoding", "gzip")))
    return Response(drawn.status, zlib.decompress(drawn.body, zlib.MAX_WBITS | 16), kind, fields)


def policy(style: str) -> str:
    """Given the hash of the style sheet, return what a browser may do with the page: show it, and nothing else."""
    return (
        f"default-src 'none'; style-src '{style}'; img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )
