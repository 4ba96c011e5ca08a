"""What a log record says, written so that no text of others can pretend to be another record or move a terminal."""

from __future__ import annotations

import logging


class Plain(logging.Formatter):
    """Writes out what is not printable in a message, but for the characters `kept`; traces keep their lines."""

    def __init__(self, form: str, kept: str = "") -> None:
        super().__init__(form)
        self._kept = kept

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name is that of `logging`
        """Return the message of a record."""
        if not record.message.isprintable():
            record.message = "".join(map(self._written, record.message))
        return super().formatMessage(record)

    def _written(self, character: str) -> str:
        if character.isprintable() or character in self._kept:
            return character
        return character.encode("unicode_escape", "surrogatepass").decode("ascii")
