"""What the store remembers of the wall clock, so that an agent that starts knows whether it was put back meanwhile.

The clock that counts from boot never steps, so it is enough to remember by how much the two differ: that changes only
when the wall clock is set. It is written when the agent starts and when a step was noticed, and at no other time.
"""

from __future__ import annotations

from agent.host.clock import began
from agent.ports import Clock
from agent.store import Store

FACT = "clock"
NOISE = 0.1
"""Two readings of the clocks differ by less than so many seconds, unless one was set in between."""


class Timeline:
    """Tells instants of a clock that was set since by the clock as it is. `boot` is what this boot is called."""

    def __init__(self, store: Store, clock: Clock, boot: str) -> None:
        self._store = store
        self._clock = clock
        self._boot = boot

    def note(self) -> None:
        """Remember the wall clock as it is, if it is not what is remembered."""
        lead, known = self._lead(), self._known()
        if known is None or abs(known - lead) > NOISE:
            self._store.facts.set(FACT, {"boot": self._boot, "lead": lead})

    def told_anew(self, instant: float) -> float | None:
        """Given an instant that an earlier agent saw and that is to come, return when it was by the clock as it is.

        What was seen in another boot was before this one began; more is not known of it. None if nothing is known at
        all. Instants are seconds since the epoch.
        """
        if self._store.facts.get(FACT) is None:
            return None
        known = self._known()
        return self._lead() + began(self._boot) if known is None else instant + self._lead() - known

    def _lead(self) -> float:
        """Return by how many seconds the wall clock is ahead of the one that counts from boot."""
        return self._clock.seconds() - self._clock.monotonic()

    def _known(self) -> float | None:
        """Return what the lead was when it was written down, None where that was not in this boot."""
        fact = self._store.facts.get(FACT)
        return float(fact["lead"]) if isinstance(fact, dict) and fact["boot"] == self._boot else None
