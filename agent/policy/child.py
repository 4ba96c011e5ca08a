"""The compiler as a process of its own, so that hostile input can hurt nothing but itself.

It reads one request from its standard input and streams one answer per file: see `agent.policy.protocol`. Its memory
and the CPU time it may spend on one file are bounded by the kernel.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import sys
from collections.abc import Iterator

from agent.policy.file import Body, policy_answer, settings_answer
from agent.policy.protocol import Request, decode_request
from agent.policy.shape import Shapes
from agent.policy.trust import Guard
from agent.schema import Schemas

MEMORY = 1 << 30
"""Address space, in bytes; an accepted file of the largest size takes a third of it."""

SECONDS = 10
"""CPU time for one file; the slowest that was found takes a tenth of it."""


def main() -> int:
    """Answer the request on standard input, on standard output."""
    gc.disable()  # everything that is made lives for one file, and holds no circles
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    request = decode_request(sys.stdin.buffer.read())
    answer = b""
    for name, found in _answers(request):
        if found is None:
            # The answer for one file and the start on the next go out together, which halves the writes.
            _send(answer + _line({"begin": name}))
            _allow(SECONDS)
        else:
            answer = _line({"file": name, **found})
    _send(answer)
    return 0


def _answers(request: Request) -> Iterator[tuple[str, Body | None]]:
    """Yield each file twice: before it is looked at, and with the answer for it."""
    shapes = Shapes(Schemas(), request.actions)
    if request.files:
        guard = Guard(request.directory) if request.root else None
        for name in request.files:
            yield name, None
            yield name, policy_answer(os.path.join(request.directory, name), shapes, guard, {})
    if request.settings:
        yield request.settings, None
        guard = Guard(os.path.dirname(request.settings) or ".") if request.root else None
        yield request.settings, settings_answer(request.settings, shapes, guard)


def _line(body: Body) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode("ascii") + b"\n"


def _send(data: bytes) -> None:
    while data:
        data = data[os.write(sys.stdout.fileno(), data) :]


def _allow(seconds: int) -> None:
    """Let this process spend so much more CPU time from here; then the kernel ends it."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + seconds, hard))
