"""When thresholds were last seen to work, by `hostkeeper selftest`; kept as one fact of the store."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import msgspec
from msgspec import Struct

from agent.store import Store

FACT = "selftest"


class Proof(Struct, frozen=True):
    """When a threshold was tried (seconds since the epoch), and why which stage did not answer; nothing if all did."""

    at: float
    failed: Mapping[str, str]


def proofs(store: Store) -> dict[str, Proof]:
    """Return the last trial of each threshold by name."""
    try:
        return msgspec.convert(store.facts.get(FACT) or {}, dict[str, Proof])
    except msgspec.ValidationError:
        return {}  # of another version of the agent: what it says is not known


def keep(store: Store, tried: Iterable[tuple[str, Proof]], thresholds: Collection[str]) -> None:
    """Remember trials, and forget those of thresholds that there are no longer."""
    with store.transaction():
        known = {**proofs(store), **dict(tried)}
        store.facts.set(FACT, {name: msgspec.to_builtins(one) for name, one in known.items() if name in thresholds})
