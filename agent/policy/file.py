"""One file of the host: read whole, judged, compiled; whatever goes wrong is an answer, not an exception."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from agent.policy.compile import Broken, compile_policy, compile_settings
from agent.policy.protocol import Status
from agent.policy.shape import Shapes
from agent.policy.source import Busy, Source, Unreadable, read_source
from agent.policy.trust import Guard

Body = dict[str, Any]
"""An answer as JSON: see `agent.policy.protocol`."""


def policy_answer(path: str, shapes: Shapes, guard: Guard | None, cache: Mapping[str, str]) -> Body:
    """Given the path of a policy file, return the answer for it.

    `guard` judges who can write it; None trusts everybody. `cache` gives fragments by the digest of a file's bytes.
    """

    def compiled(source: Source) -> Body:
        return {"fragment": cache.get(source.digest) or compile_policy(source.data, path, shapes)}

    return _answer(path, guard, compiled)


def settings_answer(path: str, shapes: Shapes, guard: Guard | None) -> Body:
    """Given the path of agent.yaml, return the answer for it."""
    return _answer(path, guard, lambda source: {"settings": compile_settings(source.data, path, shapes)})


def _answer(path: str, guard: Guard | None, compiled: Callable[[Source], Body]) -> Body:
    try:
        source = read_source(path)
        distrust = guard.distrust(path, source.status, linked=source.linked) if guard else []
    except Busy:
        return {"status": Status.BUSY}
    except FileNotFoundError:
        return {"status": Status.GONE}
    except Unreadable as problem:
        return {"status": Status.MISTAKES, "mistakes": [(0, 0, "", problem.wrong, problem.right)]}
    found: Body = {"digest": source.digest, "signature": source.signature}
    if distrust:
        mistakes = [(0, 0, "", problem.wrong, problem.right) for problem in distrust]
        return {**found, "status": Status.MISTAKES, "mistakes": mistakes}
    try:
        return {**found, "status": Status.OK, **compiled(source)}
    except Broken as broken:
        mistakes = [(m.line, m.column, m.path, m.wrong, m.right) for m in broken.mistakes]
        return {**found, "status": Status.MISTAKES, "mistakes": mistakes, "outline": broken.outline}
