"""Where log records go: to the journal with their fields, or as lines to standard error."""

from __future__ import annotations

import logging
import sys

from agent.host.journald import JournalHandler, is_journal
from agent.host.loglines import Plain
from agent.host.standing import CLEAR_LINE


def start_logging(level: str) -> None:
    """Given the name of the least level, log from here on."""
    handler: logging.Handler
    if is_journal(sys.stderr.fileno()):
        handler = JournalHandler()
    else:
        handler = logging.StreamHandler(sys.stderr)
        clear = CLEAR_LINE if sys.stderr.isatty() else ""
        handler.setFormatter(Plain(f"{clear}%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=level.upper(), handlers=[handler])


def log_to_journal() -> None:
    """Log to the journal if that is where standard error goes, and else nowhere: somebody else tells of this."""
    handler = JournalHandler() if is_journal(sys.stderr.fileno()) else logging.NullHandler()
    logging.basicConfig(level="INFO", handlers=[handler])
