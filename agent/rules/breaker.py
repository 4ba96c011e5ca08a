"""The circuit breaker: a remedy that does not help is stopped until an admin has looked."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from agent.model.policies import Breaker


class Admission(Struct, frozen=True):
    """Whether a remedy may run once more; `used` of the breaker's `times` are spent within the last `per` seconds."""

    allowed: bool
    used: int


def counted_from(released: float | None, now: float) -> float:
    """Return from when on runs count: when an admin released them last, or 0.0.

    All count where nobody ever did, and where the clock was put back since: a release that is yet to come would let
    everything act without end until then. Instants are seconds since the epoch.
    """
    return released if released is not None and released <= now else 0.0


def admit(at_most: Breaker | None, past: Iterable[float], now: float) -> Admission:
    """Given the breaker, the instants of the runs since an admin last released it, and now (seconds since the epoch).

    A run exactly `per` seconds ago is forgotten. One dated in the future (the clock was set back) counts as recent,
    since it may be; so a clock that is set back never earns additional runs, as one set ahead does. Without a breaker
    everything is allowed.
    """
    if at_most is None:
        return Admission(allowed=True, used=0)
    used = sum(1 for instant in past if now - instant < at_most.per)
    return Admission(allowed=used < at_most.times, used=used)
