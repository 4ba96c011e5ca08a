"""What can be wrong with the YAML of a file itself."""

from __future__ import annotations

from typing import NamedTuple


class Flaw(NamedTuple):
    """Something wrong with the YAML; line and column count from 1, and 0 means the file as a whole."""

    line: int
    column: int
    wrong: str
    right: str


class Fatal(Exception):
    """The document cannot be looked at any further."""

    def __init__(self, flaw: Flaw) -> None:
        self.flaw = flaw
        super().__init__(flaw.wrong)
