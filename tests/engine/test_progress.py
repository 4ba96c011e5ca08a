from __future__ import annotations

import io

from agent.engine.progress import Progress
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
