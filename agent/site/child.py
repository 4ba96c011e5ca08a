"""The process that draws one page and ends: what it needs of memory and time is its own, and bounded by the kernel.

It reads one visit from its standard input. The first line of its output is the status of the
answer and the hash of the style sheet, the page follows.
"""

from __future__ import annotations

import os
import resource
import signal
import socket
import sys
from base64 import b64encode
from contextlib import suppress
from datetime import tzinfo
from urllib.parse import parse_qsl

from agent.digests import sha256
from agent.engine.in_force import in_force
from agent.engine.picture import look
from agent.engine.visit import Visit, decode
from agent.errors import AgentError
from agent.host.clock import SystemClock, local_zone, pin_utc
from agent.pages.html import element, page
from agent.probes.catalogue import SIGNALS
from agent.site.scene import Scene
from agent.site.style import STYLE
from agent.site.views import answer
from agent.store import Store
from agent.trigger import zone

MEMORY = 1 << 29
"""Address space, in bytes."""

SECONDS = 20
"""CPU time of one page, in seconds."""

_FIELDS = 8
"""How many things an address may ask for; no page asks for more than two."""


def main() -> int:
    """Draw the page that standard input asks for, on standard output."""
    local = local_zone()
    pin_utc()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # an agent that has gone wants no answer, and no trace in its log
    with suppress(PermissionError):  # the unit of the agent refuses even that
        os.nice(5)  # the agent and its runs come first
    visit = decode(sys.stdin.buffer.read())
    status, text = drawn(visit, zone(visit.timezone, local), SystemClock().now().timestamp())
    sys.stdout.buffer.write(f"{status} {style_hash()}\n{text}".encode())
    sys.stdout.buffer.flush()
    return 0


def style_hash() -> str:
    """Return the hash of the style sheet as a Content-Security-Policy has it."""
    return f"sha256-{b64encode(sha256(STYLE.encode()).digest()).decode('ascii')}"


def drawn(visit: Visit, local: tzinfo, now: float, host: str = "") -> tuple[int, str]:
    """Given a visit, the host's zone and the present (seconds since the epoch), return the status and the page."""
    try:
        with Store(visit.state, read_only=True) as store:
            policies = in_force(store, SIGNALS)
            scene = Scene(
                store=store,
                policies=policies,
                picture=look(store, policies, local, visit.concurrency, now),
                visit=visit,
                asked=asked(visit.query),
                host=host or socket.gethostname(),
                zone=local,
                now=now,
            )
            return answer(scene)
    except AgentError as error:
        content = element("main", element("h1", "The store cannot be read"), element("p", str(error)))
        return 503, page("The store cannot be read", STYLE, content)


def asked(query: str) -> dict[str, str]:
    """Given the part of an address behind the question mark, return what it asks for; nothing if it is senseless."""
    try:
        return dict(parse_qsl(query, max_num_fields=_FIELDS, errors="replace"))
    except ValueError:
        return {}
