"""When a burst of events has settled; pure, so it keeps no clock of its own."""

from __future__ import annotations


class Debounce:
    """A burst settles `quiet` seconds after its last event, but no later than `at_most` after its first.

    Instants are monotonic seconds, given by the caller.
    """

    def __init__(self, quiet: float = 0.25, at_most: float = 5.0) -> None:
        self._quiet = quiet
        self._at_most = at_most
        self._first: float | None = None
        self._last = 0.0

    def event(self, now: float) -> None:
        """Given an instant, note that something happened at it."""
        if self._first is None:
            self._first = now
        self._last = now

    def due(self) -> float | None:
        """Return the instant at which the present burst settles, or None when there is none."""
        return None if self._first is None else min(self._last + self._quiet, self._first + self._at_most)

    def settled(self, now: float) -> bool:
        """Given an instant, return True once per burst, when it has settled."""
        due = self.due()
        if due is None or now < due:
            return False
        self._first = None
        return True

    def clear(self) -> None:
        """Forget the present burst: whoever calls looks at what it was about."""
        self._first = None
