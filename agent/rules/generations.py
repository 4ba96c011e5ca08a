"""Names of logs that were rotated, and which of them is older: `app.log.2.gz`, `app.log-20260301`, `app.1.log`."""

from __future__ import annotations

import re
from collections.abc import Iterable

COMPRESSIONS = (".gz", ".zst", ".xz", ".bz2")
"""Endings of compressed files that can be read."""

_NUMBER = re.compile(r"[.-](\d{1,4})")
_DATE = re.compile(r"[.-](\d{4}-?\d\d-?\d\d(?:[-T_.]?\d{1,10}(?:-?\d\d)*)?)")

Age = tuple[int, str]
"""Sorts the generations of one log, the oldest first; numbers and dates do not compare with one another."""


def stem(name: str) -> tuple[str, str]:
    """Given the name of a file, return it without the ending of a compressed one, and that ending."""
    for ending in COMPRESSIONS:
        if name.endswith(ending) and len(name) > len(ending):
            return name[: -len(ending)], ending
    return name, ""


def age_of(name: str, log: str) -> Age | None:
    """Given a name without the ending of compression and that of a log, return how old a generation it is, or None.

    A generation has a number, which grows with age, or a date, after the whole name or before its ending.
    """
    before, dot, ending = log.rpartition(".")
    for head, tail in ((log, ""), *(((before, dot + ending),) if dot and before else ())):
        if name.startswith(head) and name.endswith(tail) and len(name) > len(head) + len(tail):
            middle = name[len(head) : len(name) - len(tail)]
            if found := _NUMBER.fullmatch(middle):
                return -int(found.group(1)), ""
            if found := _DATE.fullmatch(middle):
                return 0, re.sub(r"\D", "", found.group(1)).ljust(20, "0")
    return None


def written(names: Iterable[str]) -> list[str]:
    """Given names in a directory, return those that are neither compressed nor older generations of another one."""
    plain = sorted(name for name in names if not stem(name)[1])
    return [name for name in plain if not any(age_of(name, other) is not None for other in plain if other != name)]
