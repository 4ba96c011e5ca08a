"""Instants, durations and sizes as people read them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, tzinfo

_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB")


def instant(seconds: float | None, zone: tzinfo) -> str:
    """Given seconds since the epoch, return local date and time, or a dash for None.

    What no calendar has, as a record from elsewhere may tell, is written as `date` takes it: `@1e+300`.
    """
    if seconds is None:
        return "-"
    try:
        return datetime.fromtimestamp(seconds, zone).strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return f"@{seconds:g}"


def duration(seconds: float | None) -> str:
    """Given seconds, return a short reading such as `850ms`, `12.0s`, `3m05s`, `2h10m`, `4d3h`; a dash for None."""
    if seconds is None:
        return "-"
    if seconds < 0:
        return f"-{duration(-seconds)}"
    # What would be rounded up to the next unit is told in that.
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f}ms"
    if seconds < 59.95:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    for size, unit, part, smaller in ((86400, "d", 3600, "h"), (3600, "h", 60, "m"), (60, "m", 1, "s")):
        if whole >= size:
            rest = whole % size // part
            return f"{whole // size}{unit}{rest:02d}{smaller}" if unit != "d" else f"{whole // size}d{rest}h"
    return f"{whole}s"


def times(number: int) -> str:
    """Given how often something was, return it in words: `once` or `3 times`."""
    return "once" if number == 1 else f"{number} times"


def labelled(series: Iterable[tuple[str, str]]) -> str:
    """Given the labels of a series, return them on one line, such as `mountpoint=/ kind=ext4`; "" for none."""
    return " ".join([f"{name}={value}" for name, value in series])


def ago(then: float | None, now: float) -> str:
    """Given an instant and now, return how long ago it was, or how far ahead it is."""
    if then is None:
        return "never"
    return f"{duration(now - then)} ago" if then <= now else f"in {duration(then - now)}"


def amount(number: float) -> str:
    """Given a number of any unit, return a short reading such as `96.4` or `14.2G`."""
    for least, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(number) >= least:
            return f"{number / (1e3 if unit == 'k' else least):.3g}{unit}"
    return f"{number:.3g}"


def size(number: float) -> str:
    """Given bytes, return a short reading such as `14.2 GiB`."""
    for unit in _UNITS:
        if number < 1024 or unit == _UNITS[-1]:
            return f"{number:,.0f} {unit}" if unit == "bytes" or number >= 100 else f"{number:.3g} {unit}"
        number /= 1024
    return ""
