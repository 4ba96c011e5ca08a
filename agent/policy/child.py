"""The compiler as a process of its own, so that hostile input can hurt nothing but itself.

It reads one request from its standard input and streams one answer per file: see `agent.policy.protocol`. Its memory
and the CPU time it may spend on one file are bounded by the kernel.
"""

from __future__ import annotations

import gc
import json
import math
import os
import resource
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from agent.policy.broken import Broken
from agent.policy.compile import Compiler
from agent.policy.protocol import Request, Status, decode_request
from agent.policy.source import Busy, Source, read_alone, read_source
from agent.policy.trust import Guard

Body = dict[str, Any]
"""An answer as JSON."""

MEMORY = 1 << 30
"""Address space, in bytes; an accepted file of the largest size takes a third of it."""

SECONDS = 10
"""CPU time for one file; the slowest that was found takes a tenth of it."""


def main(
    compiler_of: Callable[[Sequence[str]], Compiler] | None = None, *, memory: int = MEMORY, seconds: int = SECONDS
) -> int:
    """Answer the request on standard input, on standard output.

    `compiler_of` makes a compiler for the names of actions; tests bring their own, and their own bounds.
    """
    gc.disable()  # everything that is made lives for one file, and holds no circles
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # an agent that has gone wants no answer, and no trace in its log
    request = decode_request(sys.stdin.buffer.read())
    compiler = (compiler_of or partial(Compiler, None))(request.actions)
    answer = b""
    for name, found in _answers(request, compiler):
        if found is None:
            # The answer for one file and the start on the next go out together, which halves the writes.
            _send(answer + _line({"begin": name}))
            _allow(seconds)
        else:
            answer = _line({"file": name, **found})
    _send(answer)
    return 0


def _answers(request: Request, compiler: Compiler) -> Iterator[tuple[str, Body | None]]:
    """Yield each file twice: before it is looked at, and with the answer for it."""
    guard = Guard(request.directory) if request.root and request.files else None
    for name in request.files:
        path = os.path.join(request.directory, name)
        yield name, None
        yield name, _answer(partial(read_source, path, guard), partial(_policy, compiler, path))
    if path := request.settings:
        yield path, None
        yield path, _answer(partial(read_alone, path, root=request.root), partial(_settings, compiler, path))

    if path := request.web:
        yield path, None
        yield (
            path,
            _answer(partial(read_alone, path, root=request.root), partial(_web, compiler, path, root=request.root)),
        )


def _policy(compiler: Compiler, path: str, data: bytes) -> Body:
    return {"fragment": compiler.policy(data, path).fragment()}


def _settings(compiler: Compiler, path: str, data: bytes) -> Body:
    return {"settings": compiler.settings(data, path)}


def _web(compiler: Compiler, path: str, data: bytes, *, root: bool) -> Body:
    return {"settings": compiler.web(data, path, root=root)}


def _answer(read: Callable[[], Source], compiled: Callable[[bytes], Body]) -> Body:
    found: Body = {}
    try:
        source = read()
        found = {"digest": source.digest, "signature": source.signature}
        return {**found, "status": Status.OK, **compiled(source.data)}
    except Busy:
        return {"status": Status.BUSY}
    except FileNotFoundError:
        return {"status": Status.GONE}
    except Broken as broken:
        mistakes = [(m.line, m.column, m.path, m.wrong, m.right) for m in broken.mistakes]
        return {**found, "status": Status.MISTAKES, "mistakes": mistakes, "outline": broken.outline}


def _line(body: Body) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode("ascii") + b"\n"


def _send(data: bytes) -> None:
    while data:
        data = data[os.write(sys.stdout.fileno(), data) :]


def _allow(seconds: int) -> None:
    """Let this process spend so much more CPU time from here, up to a second more; then the kernel ends it."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(used.ru_utime + used.ru_stime) + seconds, hard))
