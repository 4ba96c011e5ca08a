"""Which notices go into one message, and when. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from msgspec import Struct

from agent.model.notices import OF_THRESHOLDS, Event, Notice
from agent.model.policies import Notifier, Severity

AT_ONCE = frozenset({"alertmanager", "deadman"})
"""Kinds that are told at once: they group and keep silent by themselves, or time is what they measure."""

RANK: Mapping[Severity, int] = {Severity.INFO: 0, Severity.WARNING: 1, Severity.CRITICAL: 2}
"""How bad each severity is."""

LATEST = 90.0
"""A group is told after so many seconds beyond its wait at the latest, whatever the clock says."""


class Due(Struct, frozen=True):
    """What of a notifier's notices to tell now (none: nothing), what to leave out, and when to look again."""

    now: tuple[Notice, ...]
    unwanted: tuple[Notice, ...]
    wake: float | None


def due(notifier: Notifier, notices: Iterable[Notice], now: float, silent_until: float | None) -> Due:
    """Given the notices that a notifier was not told yet, oldest first, say what to tell at `now`.

    `silent_until` is the end of its quiet hours, None while there are none. Instants are seconds since the epoch.
    """
    unwanted: list[Notice] = []
    loud: list[Notice] = []
    wake: list[float] = []
    at_once = notifier.kind in AT_ONCE
    for notice in notices:
        if RANK[notice.severity] < RANK[notifier.severity]:
            unwanted.append(notice)
        elif (
            silent_until is not None and not at_once and notifier.quiet and notice.severity not in notifier.quiet.unless
        ):
            wake.append(silent_until)
        else:
            loud.append(notice)
    if loud and not at_once:
        # A clock that was set back must not keep back what has happened.
        told = min(loud[0].at, now) + notifier.group_wait
        if told > now:
            wake.append(told)
            loud = []
    return Due(tuple(loud), tuple(unwanted), min(wake, default=None))


def newest_of_each(notices: Iterable[Notice], told: Callable[[Notice], bool]) -> list[tuple[Notice, bool]]:
    """Given notices of one group, oldest first, return what is to be said of each, in the order in which it happened.

    Of a threshold's series only the last counts; the second of a pair says that it came and went unheard: `told` says
    whether a threshold's firing was told before. One that is over and was never told of at all is left out.
    """
    last: dict[str, Notice] = {}
    came: set[str] = set()
    for notice in notices:
        key = notice.key if notice.event in OF_THRESHOLDS else f"{notice.key}#{notice.seq}"
        if notice.event is Event.FIRED:
            came.add(key)
        last.pop(key, None)
        last[key] = notice
    found = []
    for key, notice in last.items():
        unheard = notice.event is Event.CLEARED and not told(notice)
        if not unheard or key in came:
            found.append((notice, unheard))
    return found
