from __future__ import annotations

import errno
import fcntl
import io
import pty
import struct
import termios

import pytest

from agent.engine.progress import Progress, clear
from tests.fakes import FakeClock


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_report_on_a_terminal_draws_over_the_same_line() -> None:
    clock, stream = FakeClock(), Terminal()
    progress = Progress(stream, "task", clock)
    for done in (25, 50):
        clock.advance(10)
        progress.report(done, 100, "files")
    lines = stream.getvalue().split("\r\x1b[K")[1:]
    assert lines == [
        "task: [########----------------------]  25% 25 of 100 files, 30 s left",
        "task: [###############---------------]  50% 50 of 100 files, 20 s left",
    ]


def test_report_on_a_terminal_is_no_more_than_ten_a_second() -> None:
    clock, stream = FakeClock(), Terminal()
    progress = Progress(stream, "task", clock)
    for done in range(1000):
        clock.advance(0.001)
        progress.report(done, 0, "files")
    assert 8 <= stream.getvalue().count("\r") <= 11


def test_report_in_a_log_is_a_line_every_half_minute() -> None:
    clock, stream = FakeClock(), io.StringIO()
    progress = Progress(stream, "task", clock)
    for done in range(100):
        clock.advance(1)
        progress.report(done, 0, "files")
    assert stream.getvalue().splitlines() == [f"task: {n} files, {n + 1} s" for n in (29, 59, 89)]


def test_report_on_a_terminal_fits_its_line_and_goes_when_the_run_has_ended() -> None:
    clock = FakeClock()
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 40, 0, 0))
    with open(ours, "rb", buffering=0) as seen, open(theirs, "w", encoding="utf-8") as stream:
        clock.advance(10)
        Progress(stream, "backup-shop", clock).report(25 << 20, 100 << 20, "bytes")
        clear(stream)
        stream.write("run 1")
        stream.flush()
        text = b""
        while not text.endswith(b"run 1"):  # it comes in the pieces in which it was written, or in one
            text += seen.read(4096)
    assert text == b"\r\x1b[Kbackup-shop: [########-----------------\r\x1b[Krun 1"


def test_report_says_bytes_as_people_do() -> None:
    progress = Progress(io.StringIO(), "task", FakeClock())
    assert progress.line(25 << 20, 100 << 20, "bytes", 10).endswith(" 25% 25 MiB of 100 MiB, 30 s left")
    assert progress.line(25 << 20, 0, "bytes compared", 10) == "task: 25 MiB compared, 10 s"


class Closed(Terminal):
    """A terminal that is closed once something stands on it, or a log whose disk is full then."""

    tries = 0

    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal

    def write(self, text: str) -> int:
        self.tries += 1
        if self.tries > 1:
            raise OSError(errno.EIO if self._terminal else errno.ENOSPC, "it takes no more")
        return super().write(text)


@pytest.mark.parametrize("terminal", [True, False])
def test_report_to_what_takes_no_more_does_not_end_the_work(terminal: bool) -> None:
    clock, stream = FakeClock(), Closed(terminal=terminal)
    progress = Progress(stream, "task", clock)
    for done in range(5):
        clock.advance(60)
        progress.report(done, 0, "files")
    assert "task: 0 files" in stream.getvalue()
    assert stream.tries == 2
