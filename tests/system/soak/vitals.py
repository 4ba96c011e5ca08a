"""Memory, descriptors and threads of the daemon over one life of it, and whether they grow."""

from __future__ import annotations

import os
import re
import statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

WARM_SECONDS = 120.0
"""What a daemon gathers until then is not growth: what it keeps of its signals is bounded, and then all but full."""

GROWTH_MIB = 2.0
"""So much more memory at the end of a life than at its beginning is a leak; the allocator keeps some of a peak."""

MOST_MIB = 40.0
"""More than this a daemon never takes, whatever strikes it."""

GROWTH_FILES = 2
HANDLE = "anon_inode:[pidfd]"
"""What a descriptor on a process is open on."""

RESERVE = "/dev/null"
"""What a daemon keeps descriptors on that it lets go of for a moment when it needs them."""

FEWEST = 8
"""A life with fewer looks at it says nothing about growth."""


@dataclass(frozen=True, slots=True)
class Vitals:
    """One look: `at` in monotonic seconds, resident memory in MiB; `files` without those on processes and in reserve.

    `kinds` is how many descriptors there are of each kind of file.
    """

    at: float
    memory: float
    files: int
    threads: int
    kinds: Counter[str] = field(default_factory=Counter)


def look(pid: int, now: float) -> Vitals:
    """Given the daemon's process, look at it. Raises OSError when it is gone."""
    proc = Path(f"/proc/{pid}")
    pages = int((proc / "statm").read_text().split()[1])
    memory = pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)
    kinds = Counter(kinds_of_files(proc / "fd"))
    files = kinds.total() - kinds[HANDLE] - kinds[RESERVE]
    return Vitals(now, memory, files, len(os.listdir(proc / "task")), kinds)


def kinds_of_files(descriptors: Path) -> Iterator[str]:
    """Given the directory of a process's descriptors, yield what each is open on, without the numbers in it."""
    for number in os.listdir(descriptors):
        with suppress(FileNotFoundError):  # closed since
            yield re.sub(r"\d+", "N", os.readlink(descriptors / number))


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Return by how much a value grows per hour, by the median of the slopes between points half a life apart."""
    half = len(points) // 2
    pairs = zip(points[:half], points[half : 2 * half], strict=True)
    return statistics.median((y - x) / (b - a) * 3600 for (a, x), (b, y) in pairs)


def of_one_life(life: Sequence[Vitals]) -> list[Vitals]:
    """Return the looks at a life once it was warm."""
    return [vitals for vitals in life if vitals.at >= life[0].at + WARM_SECONDS]


def growth(life: Sequence[Vitals]) -> list[str]:
    """Given the looks at one life of the daemon, return what is too much or has grown, as sentences."""
    warm = of_one_life(life)
    if len(warm) < FEWEST:
        return []
    if max(look.memory for look in warm) > MOST_MIB:
        return [f"resident memory was {max(look.memory for look in warm):.1f} MiB"]
    quarter = len(warm) // 4
    first, last = warm[:quarter], warm[-quarter:]
    found = []
    memory = statistics.median(v.memory for v in last) - statistics.median(v.memory for v in first)
    if memory > GROWTH_MIB:
        found.append(f"resident memory grew by {memory:.1f} MiB in {warm[-1].at - warm[0].at:.0f} s")
    # By the fewest: what is opened for work in hand comes and goes, on a busy host for longer; a leak stays.
    files = min(v.files for v in last) - min(v.files for v in first)
    if files > GROWTH_FILES:
        fewest, now = (min(looks, key=lambda look: look.files) for looks in (first, last))
        found.append(f"open files grew by {files}: {dict(now.kinds - fewest.kinds)}")
    threads = min(v.threads for v in last) - min(v.threads for v in first)
    if threads > 0:
        found.append(f"threads grew by {threads}")
    return found
