"""Standard input, output and error as every process may count on them."""

from __future__ import annotations

import io
import os
import sys

CLEAR_LINE = "\r\x1b[K"
"""What takes away, on a terminal, what stands on its last line: the bar of a run that is under way."""


def stand_in_for_closed() -> None:
    """Open /dev/null in place of each of the three that is closed.

    A file that is opened later would get its number, and what is printed, by this process or a program that it starts,
    would end up in that file.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            os.dup2(opened, number)
            if opened != number:
                os.close(opened)
            os.set_inheritable(number, True)
    sys.stdin = sys.stdin or open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - it stays open
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - as above
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - as above


def escape_unencodable() -> None:
    """Let standard output write characters that its encoding has not, such as those of the C locale, as escapes."""
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.encoding.lower() != "utf-8":
        sys.stdout.reconfigure(errors="backslashreplace")
