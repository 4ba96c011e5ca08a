"""Where log records go: to the journal with their fields, or as lines to standard error."""

from __future__ import annotations

import logging
import select
import sys
from typing import TextIO

from agent.host.journald import JournalHandler, is_journal
from agent.host.loglines import Plain
from agent.host.standing import CLEAR_LINE


class Lines(logging.StreamHandler[TextIO]):
    """Writes records to standard error, but never waits for whoever reads them: what finds no room is left out.

    That is a pipe whose reader stands still, or a terminal that was stopped by a key. Once there is room again, it is
    told how many records were left out.
    """

    def __init__(self) -> None:
        super().__init__(sys.stderr)
        self._room = select.poll()
        self._room.register(sys.stderr.fileno(), select.POLLOUT)
        self._left_out = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record if there is room for it."""
        if not self._room.poll(0):
            self._left_out += 1
            return
        if self._left_out:
            told = {"levelname": "WARNING", "msg": f"{self._left_out} messages were left out: nobody read them"}
            self._left_out = 0
            super().emit(logging.makeLogRecord(told))
        super().emit(record)


def start_logging(level: str) -> None:
    """Given the name of the least level, log from here on."""
    handler: logging.Handler
    if is_journal(sys.stderr.fileno()):
        handler = JournalHandler()
    else:
        handler = Lines()
        clear = CLEAR_LINE if sys.stderr.isatty() else ""
        handler.setFormatter(Plain(f"{clear}%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=level.upper(), handlers=[handler])


def log_to_journal() -> None:
    """Log to the journal if that is where standard error goes, and else nowhere: somebody else tells of this."""
    handler = JournalHandler() if is_journal(sys.stderr.fileno()) else logging.NullHandler()
    logging.basicConfig(level="INFO", handlers=[handler])
