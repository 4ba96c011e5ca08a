"""Sudden changes of counts: an hour beside the same hour of earlier days.

The usual count is the median, and its spread the larger of what the median of deviations says (MAD, scaled as for a
normal distribution) and of what counts of independent events have by nature (Poisson: the root of the mean). Only
what is far outside of both, and not small, is a change. Hours are those of UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import median

from msgspec import Struct

HOUR = 3600.0
LEAST_DAYS = 3
"""With fewer earlier days that say something about an hour, nothing is judged."""

KEPT = 8 * 24
"""So many hours are remembered: eight days."""

MOST_SERIES = 200
"""Of an hour so many series are remembered: those with the most lines. One that is not among them counts as none."""

_FAR = 6.0
_SCALE = 1.4826
_LEAST_RISE = 20
_LEAST_USUAL = 30


class Hour(Struct):
    """The lines that were read in one hour: its number since the epoch, how many seconds of a log they are about, and
    how many there were by series.
    """

    hour: int
    span: float
    counts: dict[str, int]


class Change(Struct, frozen=True):
    """A series whose count is far from what is usual in this hour of the day."""

    series: str
    count: int
    usual: float
    days: int

    @property
    def rose(self) -> bool:
        """Whether there are more than usual."""
        return self.count > self.usual


def hour_of(instant: float) -> int:
    """Given seconds since the epoch, return the number of their hour."""
    return int(instant // HOUR)


def changes(now: Hour, past: Iterable[Hour], *, whole: bool) -> list[Change]:
    """Given an hour and those before it, return what changed suddenly, by series.

    `whole` says that the hour is over: only then can there be too few lines in it. Hours are compared only if they are
    about as much time as this one: a run that makes up for an outage reads more than an hour's lines.
    """
    alike = [hour for hour in past if hour.hour % 24 == now.hour % 24 and hour.hour != now.hour]
    if len(alike) < LEAST_DAYS:
        return []
    usual_span = median(hour.span for hour in alike)
    if now.span > 1.5 * usual_span + 60:
        return []
    full = whole and now.span >= 0.66 * usual_span
    found = []
    for series in sorted({*now.counts, *(name for hour in alike for name in hour.counts)}):
        change = _judged(series, now.counts.get(series, 0), [hour.counts.get(series, 0) for hour in alike])
        if change is not None and (change.rose or full):
            found.append(change)
    return found


def _judged(series: str, count: int, past: Sequence[int]) -> Change | None:
    usual = median(past)
    spread = max(_SCALE * median(abs(one - usual) for one in past), (usual + 1) ** 0.5)
    high, low = usual + _FAR * spread, usual - _FAR * spread
    if count > max(high, 2 * usual, *past) and count - usual >= _LEAST_RISE:
        return Change(series, count, usual, len(past))
    if usual >= _LEAST_USUAL and count < min(low, usual / 2, *past):
        return Change(series, count, usual, len(past))
    return None


def remembered(past: Sequence[Hour], hour: Hour) -> list[Hour]:
    """Given the hours so far and one that is over, return the hours to remember."""
    return [*(one for one in past if hour.hour - KEPT < one.hour < hour.hour), _bounded(hour)]


def _bounded(hour: Hour) -> Hour:
    busiest = sorted(hour.counts.items(), key=lambda item: (-item[1], item[0]))[:MOST_SERIES]
    return Hour(hour.hour, hour.span, dict(busiest))


def added(counts: Mapping[str, int], more: Mapping[str, int]) -> dict[str, int]:
    """Return the sums of two sets of counts."""
    sums = dict(counts)
    for name, number in more.items():
        sums[name] = sums.get(name, 0) + number
    return sums
