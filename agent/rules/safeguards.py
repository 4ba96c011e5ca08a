"""When a selection of objects must not be deleted after all: limits, its own history, and a clock not to be trusted."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from agent.model.policies import Limits
from agent.model.reasons import Reason

HISTORY_RUNS = 3
"""A history of fewer runs that deleted something says nothing."""

HISTORY_KEPT = 10
HISTORY_FACTOR = 10
HISTORY_SMALL = 1000
"""A selection of no more than this is never called unusual."""

EARLIEST = 1_767_225_600.0
"""2026-01-01, before this code was written: no clock that shows less is right."""

CLOCK_STEP = 3600.0
"""By so many seconds the wall clock may leave the elapsed time, within one boot."""

LONGEST_PAUSE = 400 * 86400.0
"""A task that did not run for longer, over a reboot, more likely woke up with a wrong clock than so late."""


class Selection(Struct, frozen=True):
    """What a rule selected among what it saw; `bytes` and `items` are of the selected ones, `seen` counts all."""

    items: int = 0
    bytes: int = 0
    seen: int = 0

    def __add__(self, other: Selection) -> Selection:
        return Selection(self.items + other.items, self.bytes + other.bytes, self.seen + other.seen)


Refusal = tuple[Reason, str]
"""Why to decline, and the sentence for a person."""


def beyond_limits(selected: Selection, limits: Limits, what: str = "files") -> Refusal | None:
    """Given a selection and the task's limits, return why it may not be touched, or None."""
    if limits.items is not None and selected.items > limits.items:
        return Reason.LIMIT_ITEMS, f"{selected.items:,} {what} are selected, and `limits.items` is {limits.items:,}"
    if limits.bytes is not None and selected.bytes > limits.bytes:
        return Reason.LIMIT_BYTES, f"{selected.bytes:,} bytes are selected, and `limits.bytes` is {limits.bytes:,}"
    if limits.percent is not None and selected.items * 100 > limits.percent * selected.seen:
        share = 100 * selected.items / selected.seen
        return Reason.LIMIT_PERCENT, (
            f"{selected.items:,} of {selected.seen:,} {what} ({share:.1f}%) are selected, "
            f"and `limits.percent` is {limits.percent:g}"
        )
    return None


def most_by_history(history: Sequence[int]) -> int | None:
    """Given how many objects earlier runs deleted, return how many are usual at most, or None if that says nothing."""
    if len(history) < HISTORY_RUNS:
        return None
    return max(HISTORY_SMALL, HISTORY_FACTOR * max(history))


def beyond_history(items: int, path: str, history: Sequence[int]) -> Refusal | None:
    """Given how many files are selected below a path and its history, return why they may not be touched, or None."""
    most = most_by_history(history)
    if most is None or items <= most:
        return None
    return Reason.BEYOND_HISTORY, (
        f"{items:,} files are selected below {path}, and by its history at most {most:,} are usual; "
        "if that is right, set `beyond_history: allow` for one run"
    )


def with_run(history: Sequence[int], deleted: int) -> list[int]:
    """Given the history and how many objects a run deleted, return the history after it; idle runs leave no trace."""
    return [*history, deleted][-HISTORY_KEPT:] if deleted else list(history)


class Clocks(Struct, frozen=True):
    """What the clocks showed at one moment: seconds since the epoch, seconds since boot, and which boot."""

    wall: float
    elapsed: float
    boot: str


def clock_suspect(start: float, now: Clocks, before: Clocks | None, *, synchronised: bool) -> str | None:
    """Say why the wall clock is not to be trusted with deletions, or None.

    `start` is the instant that ages are counted from, `before` what the clocks showed when the task last ran, and
    `synchronised` whether the kernel says that a time server keeps its clock. A clock set back makes everything look
    younger, so that only steps forward are dangerous.
    """
    if min(start, now.wall) < EARLIEST:
        return "the clock shows a time before this program was written"
    if start > now.wall + CLOCK_STEP:
        return "the clock was set back since this run was planned"
    if before is None or synchronised:
        return None
    gone = now.wall - before.wall
    if now.boot == before.boot and gone - (now.elapsed - before.elapsed) > CLOCK_STEP:
        passed = now.elapsed - before.elapsed
        return f"the clock went {gone:.0f} s ahead in {passed:.0f} s, and no time server vouches for it"
    if gone > LONGEST_PAUSE:
        return f"the clock is {gone / 86400:.0f} days ahead of the last run, and no time server vouches for it"
    return None
