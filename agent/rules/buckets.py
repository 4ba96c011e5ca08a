"""restic's rule of retention: which of a series of instants are kept, and by what.

From the newest to the oldest, an instant that is the first of a bucket (a day, an ISO week) takes one slot of every
rule that still has one, and says so. Empty buckets do not count. The oldest of all takes a slot of each rule that has
one left. `within` keeps what is younger than that, counted back from the newest instant and not from now.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from datetime import datetime, tzinfo

from msgspec import Struct


class Keep(Struct, frozen=True, kw_only=True):
    """How many buckets of each kind keep their newest instant; `within` is seconds, None for no such rule."""

    last: int = 0
    daily: int = 0
    weekly: int = 0
    monthly: int = 0
    quarterly: int = 0
    yearly: int = 0
    within: float | None = None

    def keeps_something(self) -> bool:
        """Return whether there is a rule at all."""
        return bool(self.within) or any(getattr(self, name) for name in BUCKETS)


BUCKETS: Mapping[str, Callable[[datetime, int], Hashable]] = {
    "last": lambda _local, rank: rank,
    "daily": lambda local, _rank: local.date(),
    "weekly": lambda local, _rank: local.isocalendar()[:2],
    "monthly": lambda local, _rank: (local.year, local.month),
    "quarterly": lambda local, _rank: (local.year, (local.month - 1) // 3),
    "yearly": lambda local, _rank: local.year,
}
"""By rule: the bucket of an instant, given its local time and its rank from the newest on."""


def kept(instants: Sequence[float], keep: Keep, zone: tzinfo) -> dict[int, list[str]]:
    """Given instants (seconds since the epoch, newest first), return by index what keeps those that are kept."""
    found: dict[int, list[str]] = {}
    counts = {name: getattr(keep, name) for name in BUCKETS}
    seen: dict[str, set[Hashable]] = {name: set() for name in BUCKETS}
    used = dict.fromkeys(BUCKETS, 0)
    for rank, instant in enumerate(instants):
        local = datetime.fromtimestamp(instant, zone)
        oldest = rank == len(instants) - 1
        reasons = ["within"] if keep.within is not None and instant > instants[0] - keep.within else []
        for name, bucket_of in BUCKETS.items():
            bucket = bucket_of(local, rank)
            if used[name] < counts[name] and (bucket not in seen[name] or oldest):
                seen[name].add(bucket)
                used[name] += 1
                reasons.append(f"{name} {used[name]} of {counts[name]}")
        if reasons:
            found[rank] = reasons
    return found
