"""Probes as fragments have them."""

from __future__ import annotations

from typing import Any

from agent.model.policies import Position, Probe
from agent.probes.offered import OFFERED

DATABASE = "database"
"""The setting of a probe that names a database."""

LONGEST_TIMEOUT = 10.0
"""Seconds that a measurement may take where a policy does not say: never more than half of the interval."""


def body_of(thing: dict[str, Any]) -> dict[str, Any]:
    """Given a normalised probe, return the body of its fragment but for its place."""
    ((kind, settings),) = ((kind, thing[kind]) for kind in OFFERED if kind in thing)
    every, timeout, jitter = thing["every"], thing.get("timeout"), thing.get("jitter")
    return {
        "kind": kind,
        "settings": settings,
        "every": every,
        "timeout": min(LONGEST_TIMEOUT, every / 2) if timeout is None else timeout,
        "jitter": every if jitter is None else min(jitter, every),
    }


def probe_from(name: str, thing: dict[str, Any], file: str) -> Probe:
    """Given a probe's body in a fragment, return the probe."""
    return Probe(
        name=name,
        kind=thing["kind"],
        settings=thing["settings"],
        every=thing["every"],
        timeout=thing["timeout"],
        jitter=thing["jitter"],
        position=Position(file, *thing["at"]),
    )
