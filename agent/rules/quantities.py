"""Quantities as people write them: durations, sizes and percentages, parsed and written in this one place.

    duration    90s, 15m, 3h, 7d, 2w, and from larger to smaller 1h30m; a fraction is allowed: 0.5s; 0 is 0s
    size        100 (bytes), 10KiB, 10MiB, 5GiB, 1TiB, 5KB, 5MB, 5GB, 5TB; a fraction is allowed: 1.5GiB
    percent     80, 12.5, 80%

The grammar is ours and plain ASCII: Python's own `int` and `float` take `1_000`, other scripts' digits and `1e999`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping

SECONDS: Mapping[str, int] = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}
BYTES: Mapping[str, int] = {
    "TiB": 1 << 40,
    "GiB": 1 << 30,
    "MiB": 1 << 20,
    "KiB": 1 << 10,
    "TB": 10**12,
    "GB": 10**9,
    "MB": 10**6,
    "KB": 10**3,
    "B": 1,
}
LONGEST = 100 * 366 * 86400
"""No duration is longer: a hundred years, in seconds."""

LARGEST = 1 << 60
"""No size is larger: an exbibyte, in bytes."""

_NUMBER = r"[0-9]{1,20}(?:\.[0-9]{1,9})?"
# Compiled, and kept by `re`, when the first of a kind is read: the agent itself only writes quantities.
_PARTS = "".join(f"(?:({_NUMBER}){unit})?" for unit in SECONDS)
_SIZE = f"({_NUMBER})({'|'.join(BYTES)})?"
_PERCENT = f"({_NUMBER})%?"

DURATIONS = "write a duration such as 90s, 15m, 3h, 7d or 1h30m"
SIZES = "write a size such as 10MiB, 5GB, or a plain number of bytes"
PERCENTAGES = "write a percentage from 0 to 100, such as 80 or 80%"


class QuantityError(ValueError):
    """Text that is no such quantity; `wrong` says what is wrong with it, `right` what would be right."""

    def __init__(self, wrong: str, right: str) -> None:
        self.wrong = wrong
        self.right = right
        super().__init__(f"{wrong}: {right}")


def parse_duration(text: str) -> float:
    """Given a duration as text, return seconds, exact to the microsecond. Raises QuantityError."""
    if text == "0":
        return 0.0
    found = re.fullmatch(_PARTS, text) if len(text) <= 128 else None
    if not text or found is None:
        raise QuantityError(f"{_shown(text)} is not a duration", _duration_hint(text))
    micros = 0
    for number, unit in zip(found.groups(), SECONDS.values(), strict=True):
        if number is not None:
            micros += _scaled(number, unit * 1_000_000)
    if micros > LONGEST * 1_000_000:
        raise QuantityError(f"{_shown(text)} is longer than a hundred years", "write a shorter duration")
    return micros / 1_000_000


def parse_size(text: str) -> int:
    """Given a size as text, return bytes. Raises QuantityError."""
    found = re.fullmatch(_SIZE, text)
    if found is None:
        raise QuantityError(f"{_shown(text)} is not a size", _size_hint(text))
    number, unit = found.groups()
    if not unit and "." in number:
        raise QuantityError(f"{_shown(text)} is not a size: bytes are whole", SIZES)
    size = _scaled(number, BYTES[unit or "B"])
    if size > LARGEST:
        raise QuantityError(f"{_shown(text)} is larger than an exbibyte", "write a smaller size")
    return size


def parse_percent(text: str) -> float:
    """Given a percentage as text, return a number from 0 to 100. Raises QuantityError."""
    found = re.fullmatch(_PERCENT, text)
    value = float(found[1]) if found else -1.0
    if not 0 <= value <= 100:
        raise QuantityError(f"{_shown(text)} is not a percentage", PERCENTAGES)
    return value


PARSERS: Mapping[str, Callable[[str], float]] = {
    "duration": parse_duration,
    "size": parse_size,
    "percent": parse_percent,
}
"""By the word that schemas use in `x-quantity`."""


def parse(kind: str, text: str) -> float:
    """Given the kind of a quantity (a key of PARSERS) and its text, return its number. Raises QuantityError."""
    return PARSERS[kind](text)


def format_duration(seconds: float) -> str:
    """Given seconds, at least 0 and finite, return the shortest text that `parse_duration` reads as the same."""
    micros = round(seconds * 1_000_000)
    parts = []
    for unit, size in SECONDS.items():
        count, micros = divmod(micros, size * 1_000_000)
        if unit == "s" and micros:
            parts.append(f"{count}.{micros:06d}".rstrip("0") + "s")
        elif count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def format_size(size: int) -> str:
    """Given bytes, return the shortest text that `parse_size` reads as the same."""
    for unit, scale in BYTES.items():
        if size and size % scale == 0 and unit != "B":
            return f"{size // scale}{unit}"
    return str(size)


def _scaled(number: str, scale: int) -> int:
    """Return decimal text times `scale`, rounded down, without the detour through binary fractions."""
    whole, _, fraction = number.partition(".")
    return int(whole) * scale + (int(fraction) * scale // 10 ** len(fraction) if fraction else 0)


def _shown(text: str) -> str:
    return json.dumps(text if len(text) <= 40 else f"{text[:37]}...")


_LONG_UNITS: Mapping[str, str] = {
    name: unit
    for unit, names in {
        "w": "week weeks",
        "d": "day days",
        "h": "hour hours hr hrs",
        "m": "minute minutes min mins",
        "s": "second seconds sec secs",
    }.items()
    for name in names.split()
}


def _duration_hint(text: str) -> str:
    plain = re.fullmatch(r"\s*([0-9]{1,9})\s*([A-Za-z]*)\s*", text, re.ASCII)
    if plain is None:
        return DURATIONS
    number, unit = plain[1], plain[2].lower()
    if not unit:
        return f"add the unit: {number}s, {number}m, {number}h or {number}d"
    short = _LONG_UNITS.get(unit, unit)
    if short in SECONDS:
        return f"write {number}{short}"
    if unit == "ms":
        return f"write {int(number) / 1000:g}s"
    return DURATIONS


def _size_hint(text: str) -> str:
    plain = re.fullmatch(r"\s*([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*([A-Za-z]*)\s*", text, re.ASCII)
    if plain is None:
        return SIZES
    number, unit = plain[1], plain[2].lower()
    exact = next((name for name in BYTES if name.lower() == unit), None)
    if exact is not None:
        return f"write {number}{exact}"
    if unit in ("k", "m", "g", "t"):
        return f"write {number}{unit.upper()}iB or {number}{unit.upper()}B"
    return SIZES
