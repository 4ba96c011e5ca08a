"""Lines of a log that belong together: a message and what is printed below it, such as a stack trace.

A line goes on with the one before it when it is indented or empty, closes a bracket, or is one of those in which Java,
Go and Python tell of a failure. What is between the marks of a key or certificate is one record. A trace of Python
begins a record of its own, whose last line says what happened.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec import Struct

MOST_LINES = 500
"""So many lines make one record at most; a longer one goes on in the next."""

_MORE_KEPT = 20
_MORE_BYTES = 2048
_PLAIN, _TRACE, _RAISED, _GO, _KEY = range(5)
_KEY_BEGINS, _KEY_ENDS = b"-----BEGIN ", b"-----END "
_KEY_LONG, _KEY_ODD = 40, 3
"""Lines of a key end in so many of its characters, but for a few: one that is empty, the last one, and its sum."""

_KEY_WORD = re.compile(rb"[A-Za-z0-9+/=]{%d}" % _KEY_LONG)
_KEY_HEADS = (b"Proc-Type: ", b"DEK-Info: ", b"Version: ", b"Comment: ")
_TRACEBACK = b"Traceback (most recent call last):"
_SUSPECT = frozenset(bytes([code]) for code in b" \t\r}])CSTDg.") | {b""}
_ALWAYS = (b" ", b"\t", b"Caused by:", b"Suppressed:", b"... ", b"goroutine ")
_CLOSING = frozenset((b"", b"\r", b"}", b"},", b"};", b"]", b"],", b")", b"})", b"});"))
_CHAINED = (b"The above exception was", b"During handling of the above", _TRACEBACK)
_GO_FRAME = (b"created by ", b"exit status ", b"main.", b"runtime.", b"panic(")


class Record(Struct):
    """Lines that belong together: the first one, how many there are, their bytes with line ends, and some of the rest.

    `last` is the line that says what happened, where that is not the first one.
    """

    head: bytes
    lines: int
    size: int
    more: list[bytes]
    last: bytes = b""


class Joiner:
    """Joins the lines of one log, handed over in order. `open` is the record that may go on, None before the first."""

    def __init__(self) -> None:
        self.open: Record | None = None
        self._kind = _PLAIN
        self._odd = 0

    def take(self, lines: Sequence[bytes]) -> list[Record]:
        """Given the next lines, without line ends, return the records that have ended with them."""
        ended: list[Record] = []
        record = self.open
        for line in lines:
            if record is not None and (self._kind or line[:1] in _SUSPECT) and self._goes_on(record, line):
                record.lines += 1
                record.size += len(line) + 1
                if len(record.more) < _MORE_KEPT:
                    record.more.append(line[:_MORE_BYTES])
                continue
            if record is not None:
                ended.append(record)
            self._kind, self._odd = _kind(line), 0
            record = Record(line, 1, len(line) + 1, [])
        self.open = record
        return ended

    def end(self) -> list[Record]:
        """Nothing follows: return the record that was open, if there is one."""
        ended = [] if self.open is None else [self.open]
        self.open = None
        self._kind = _PLAIN
        return ended

    def _goes_on(self, record: Record, line: bytes) -> bool:
        """Tell whether a line goes on with a record, and remember where in a trace it stands."""
        if record.lines >= MOST_LINES:
            return False
        if self._kind == _KEY:
            ends = _KEY_ENDS in line
            if ends or self._is_of_key(line.strip()):
                self._kind = _PLAIN if ends else _KEY
                return True
            self._kind = _PLAIN
        indented = line.startswith((b" ", b"\t"))
        if self._kind == _TRACE and not indented and line.strip():
            self._kind = _RAISED
            record.last = line[:_MORE_BYTES]
            return True
        if self._kind == _RAISED and line.startswith(_CHAINED):
            self._kind = _TRACE if line.startswith(_TRACEBACK) else _RAISED
            return True
        if line.startswith(b"goroutine "):
            self._kind = _GO
        frame = self._kind == _GO and (line.startswith(_GO_FRAME) or line.endswith(b")"))
        return frame or line.startswith(_ALWAYS) or line in _CLOSING

    def _is_of_key(self, line: bytes) -> bool:
        """Tell whether a line may be one of a key, with or without something in front of it.

        Else whoever writes that a key begins would hide the messages that follow.
        """
        word = line.rpartition(b" ")[2]
        heads = not line or any(head in line for head in _KEY_HEADS)
        self._odd += not (heads or _KEY_WORD.fullmatch(word[-_KEY_LONG:]))
        return self._odd <= _KEY_ODD


def _kind(line: bytes) -> int:
    """Given the first line of a record, return what may follow."""
    if line.startswith(_TRACEBACK):
        return _TRACE
    begins = line.rfind(_KEY_BEGINS)
    return _KEY if begins >= 0 and _KEY_ENDS not in line[begins:] else _PLAIN
