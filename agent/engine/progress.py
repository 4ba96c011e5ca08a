"""Tell how far a run has come: a live bar on a terminal, lines in a log."""

from __future__ import annotations

import os
from typing import TextIO

from agent.host.standing import CLEAR_LINE
from agent.ports import Clock
from agent.readable import size

BAR_INTERVAL = 0.1
LINE_INTERVAL = 30.0
BAR_WIDTH = 30


def clear(stream: TextIO) -> None:
    """Where a stream is a terminal, take away the bar that a run has left on its last line."""
    if stream.isatty():
        stream.write(CLEAR_LINE)
        stream.flush()


class Progress:
    """Reports to a stream, at most every tenth of a second on a terminal and every 30 seconds elsewhere.

    A stream that takes no more, such as a terminal that was closed or a log on a full disk, is let be; work goes on.
    """

    def __init__(self, stream: TextIO, task: str, clock: Clock) -> None:
        self._stream = stream
        self._task = task
        self._clock = clock
        self._live = stream.isatty()
        self._given_up = False
        self._started = clock.monotonic()
        self._reported = self._started if not self._live else self._started - BAR_INTERVAL

    def report(self, done: int, total: int, unit: str) -> None:
        """Given how much of how much is done (total 0: unknown), show it when it is time to."""
        now = self._clock.monotonic()
        if self._given_up or now - self._reported < (BAR_INTERVAL if self._live else LINE_INTERVAL):
            return
        self._reported = now
        text = self.line(done, total, unit, now - self._started)
        try:
            self._stream.write(f"{CLEAR_LINE}{text[: self._width()]}" if self._live else f"{text}\n")
            self._stream.flush()
        except OSError:
            self._given_up = True

    def _width(self) -> int | None:
        """Return how many characters fit on a line, as a bar that is folded cannot be drawn over; None for unknown."""
        try:
            return max(os.get_terminal_size(self._stream.fileno()).columns - 1, 0) or None
        except OSError:
            return None

    def line(self, done: int, total: int, unit: str, seconds: float) -> str:
        """Return one line: the task, a bar where the total is known, the count, and the time left or spent."""
        told = size if unit.split()[:1] == ["bytes"] else "{:,}".format
        unit = unit.removeprefix("bytes").lstrip()
        unit = f" {unit}" if unit else ""
        if not total:
            return f"{self._task}: {told(done)}{unit}, {seconds:.0f} s"
        share = min(done / total, 1.0)
        filled = round(share * BAR_WIDTH)
        left = seconds * (1 - share) / share if share else 0.0
        bar = "#" * filled + "-" * (BAR_WIDTH - filled)
        return f"{self._task}: [{bar}] {share:4.0%} {told(done)} of {told(total)}{unit}, {left:.0f} s left"
