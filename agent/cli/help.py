"""Help as wide as the terminal. Left alone, argparse asks by `shutil`, which takes longer to load than argparse."""

from __future__ import annotations

import argparse
import os

USUAL = 80
"""How many characters a line has where neither COLUMNS nor a terminal says so."""


class Help(argparse.HelpFormatter):
    """The formatter of every parser."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_columns() - 2)


def _columns() -> int:
    given = os.environ.get("COLUMNS", "")[:6]
    if given.isascii() and given.isdigit() and int(given):
        return int(given)
    try:
        return os.get_terminal_size(1).columns or USUAL
    except OSError:
        return USUAL
