"""What commands print: kept to its tail, and made safe to show."""

from __future__ import annotations

import os
import unicodedata

_CHUNK = 256 * 1024
_KEPT = "\n\t"
# Format characters that join or break words are text; those below reorder or hide it, or end a line unseen.
_HIDDEN = {0x061C, 0x200E, 0x200F, 0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFEFF}


class Tail:
    """Reads a descriptor and keeps the last `limit` bytes, whatever the length of what went before.

    `copy` is a descriptor that gets everything as it comes, None for nowhere.
    """

    def __init__(self, limit: int, copy: int | None = None) -> None:
        self.total = 0
        self._limit = limit
        self._copy = copy
        self._kept = bytearray()

    def read(self, descriptor: int, most: int = 16) -> bool:
        """Given a non-blocking descriptor, take up to `most` chunks of what is there; return False at its end."""
        for _ in range(most):
            try:
                chunk = os.read(descriptor, _CHUNK)
            except BlockingIOError:
                return True
            if not chunk:
                return False
            self.feed(chunk)
            if self._copy is not None:
                self._hand_on(self._copy, chunk)
        return True

    def _hand_on(self, copy: int, chunk: bytes) -> None:
        view = memoryview(chunk)
        try:
            while view:
                view = view[os.write(copy, view) :]
        except OSError:
            # Who listens has gone; the tail is what counts.
            self._copy = None

    def feed(self, chunk: bytes) -> None:
        """Given the next bytes, count them and keep what belongs to the tail."""
        self.total += len(chunk)
        self._kept += chunk[-self._limit :] if self._limit else b""
        if len(self._kept) > 2 * self._limit:
            del self._kept[: -self._limit]

    def text(self) -> str:
        """Return the tail as text that is safe to print."""
        tail = bytes(self._kept[-self._limit :]) if self._limit else b""
        if self.total > len(tail):
            # A character cut in two at the front is no invalid input of the command's.
            tail = tail.lstrip(bytes(range(0x80, 0xC0)))
        return visible(tail)


def visible(raw: bytes | str) -> str:
    """Given output, return it as text in which controls, escapes and marks that reorder text are written out.

    Line ends and tabs stay. Bytes that are no UTF-8 become U+FFFD.
    """
    text = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw
    text = text.replace("\r\n", "\n")
    if text.isascii() and text.replace("\n", "").replace("\t", "").isprintable():
        return text
    return "".join(character if _is_plain(character) else _escaped(character) for character in text)


def _is_plain(character: str) -> bool:
    if character in _KEPT:
        return True
    return unicodedata.category(character) not in ("Cc", "Cs") and ord(character) not in _HIDDEN


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
