"""The way to a value in a document, as messages write it."""

from __future__ import annotations

from collections.abc import Sequence

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


def _plain(step: str) -> str:
    plain = len(step) <= 64 and step.isascii() and step.replace("-", "").replace("_", "").isalnum()
    return step if plain else ascii(step[:64])
