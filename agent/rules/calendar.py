"""Which due times of a task are to be handled, whatever the clock and the agent have done since the last time.

A task remembers a mark: every due time up to it has been handled. Due times between the mark and now are handled at
once, and the mark moves to the last of them:

- one that is late by no more than TOLERANCE, its jitter allowed for, is **on time**, and each such leads to a run;
- older ones came while the agent was down, the host suspended, or the clock jumped over them. With catch-up they lead
  to one run in all: that of the first on-time due time, or else a run of their own for the latest. Without, they are
  missed, with the reason DUE_WHILE_DOWN.

At first sight of a task, or of a changed schedule, the mark is set to now, so nothing is made up for that was never
planned. When the clock is put back to before the mark, the mark follows it: times that have a run are in `handled` and
lead to no second one, and those that a wrong clock had only jumped over get their chance.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import islice

from msgspec import Struct
from msgspec.structs import replace

from agent.model.policies import Schedule
from agent.model.reasons import Reason
from agent.model.runs import Origin
from agent.trigger import Trigger, fires, last_fire, next_fire

TOLERANCE = 60.0
"""Seconds after which a due time counts as missed: longer than a restart, shorter than what a person would notice."""

ON_TIME = 100
"""At most so many on-time due times lead to runs of their own; jitter longer than the interval could make more."""

COUNTED = 10
"""Counting due times stops here: after years of downtime there are millions, and the number says nothing."""

SECOND = timedelta(seconds=1)
TICK = timedelta(microseconds=1)


class Mark(Struct, frozen=True):
    """Every due time of `schedule` (its text and zone) up to `at`, in seconds since the epoch, has been handled."""

    schedule: str
    at: float


class Due(Struct, frozen=True):
    """A due time and what becomes of it: a run, or, with `missed` set, a run that is missed for that reason.

    Instants are seconds since the epoch. `others` is how many earlier due times it stands for, COUNTED at most.
    """

    due: float
    not_before: float
    origin: Origin
    missed: Reason | None = None
    others: int = 0


class Decision(Struct, frozen=True):
    """What falls due, oldest first; the mark to store together with it; and the next due time after now, if any."""

    dues: tuple[Due, ...]
    mark: Mark
    next_due: float | None


def due(
    trigger: Trigger,
    zone: tzinfo,
    schedule: Schedule,
    mark: Mark | None,
    now: float,
    *,
    jitter: float,
    handled: Collection[float] = (),
) -> Decision:
    """Decide which due times of a task are handled at `now`, in seconds since the epoch.

    `trigger` and `zone` are `schedule`'s, `mark` what the task remembers (None at first sight), `jitter` its delay in
    seconds, and `handled` the due times after the mark that have a run already.
    """
    at = datetime.fromtimestamp(now, UTC)
    upcoming = next_fire(trigger, zone, at)
    next_due = None if upcoming is None else upcoming.timestamp()
    key = f"{schedule.text} {schedule.timezone}"
    if mark is None or mark.schedule != key or mark.at > now:
        return Decision((), Mark(key, now), next_due)
    begin = datetime.fromtimestamp(mark.at, UTC)
    late_until = max(begin, at - timedelta(seconds=jitter + TOLERANCE) - TICK)
    recent = deque((instant.timestamp() for instant in fires(trigger, zone, late_until, at)), ON_TIME)
    on_time = [Due(instant, instant + jitter, Origin.SCHEDULE) for instant in recent if instant not in handled]
    late = _late(trigger, zone, begin, late_until, handled)
    reached = max(recent[-1] if recent else 0.0, late.due if late else 0.0)
    if late and not schedule.catch_up:
        on_time.insert(0, replace(late, missed=Reason.DUE_WHILE_DOWN))
    elif late and on_time:
        on_time[0] = replace(on_time[0], others=min(late.others + 1, COUNTED))
    elif late:
        on_time = [replace(late, not_before=now + jitter)]
    return Decision(tuple(on_time), Mark(key, max(mark.at, reached)), next_due)


def _late(trigger: Trigger, zone: tzinfo, begin: datetime, end: datetime, handled: Collection[float]) -> Due | None:
    """Return the last due time after `begin` and up to `end` that has no run yet, standing for those before it."""
    last = last_fire(trigger, zone, begin, end)
    while last is not None and last.timestamp() in handled:
        last = last_fire(trigger, zone, begin, last - SECOND)
    if last is None:
        return None
    earlier = (instant for instant in fires(trigger, zone, begin, last - SECOND) if instant.timestamp() not in handled)
    others = sum(1 for _ in islice(earlier, COUNTED))
    return Due(last.timestamp(), last.timestamp(), Origin.CATCH_UP, others=others)
