"""The way to a value in a document, as messages write it."""

from __future__ import annotations

from collections.abc import Sequence

LONGEST = 800
"""No half of a message is longer, whatever it quotes."""

Path = Sequence[str | int]
"""Keys and indices, from the document's root."""


def dotted(path: Path) -> str:
    """Given a path, return it as text, such as `tasks.clean-tmp.needs[0]`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += f".{_plain(step)}" if text else _plain(step)
    return text


def one_line(text: str) -> str:
    """Given a sentence that may quote text from outside, return it on one line, with nothing that cannot be seen."""
    if not text.isprintable():
        text = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def _plain(step: str) -> str:
    plain = len(step) <= 64 and step.isascii() and step.replace("-", "").replace("_", "").isalnum()
    return step if plain else ascii(step[:64])
