"""What a file that cannot be put in force raises."""

from __future__ import annotations

from collections.abc import Sequence

from agent.errors import Mistake


class Broken(Exception):
    """A file that cannot be put in force, with every mistake found in it.

    `outline` is the JSON of the names that it gives and refers to, so that mistakes between files are found all the
    same; "" if not even that can be read.
    """

    def __init__(self, mistakes: Sequence[Mistake], outline: str = "") -> None:
        self.mistakes = tuple(mistakes)
        self.outline = outline
        super().__init__("\n".join(map(str, mistakes)))
