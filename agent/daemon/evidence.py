"""Where the chain of the history stands, told to everybody who may have to prove later that it was there.

Whoever can write the store can make another chain. So the last record's place and hash go out of its reach: into the
log, whose journal seals itself, into metrics, which another host scrapes, and into a file beside the store.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from agent.host.heads import NAME, HeadFile
from agent.host.journald import FIELDS
from agent.metrics import HistoryFacts, Metrics
from agent.store import Store
from agent.store.chain import Head

LOG = logging.getLogger(__name__)
HEAD_NOTED = "6f1c0f0b5d3e4f0d9a5b1f6c7a2e8d41"
"""What the journal finds all noted heads by."""

NOTE_SECONDS = 300.0
"""How long the head may have moved before it is noted."""


class Evidence:
    """Notes the head of a store's chain. As long as the file knows a head that the chain does not, nothing is added."""

    def __init__(self, store: Store, metrics: Metrics) -> None:
        self._store = store
        self._metrics = metrics
        self._file = HeadFile(store.directory)
        self._noted: Head | None = None
        self._shown: Head | None = None
        self._agrees: bool | None = None
        self._compared = False

    def show(self) -> None:
        """Show in metrics where the chain stands, if it has moved."""
        head = self._store.chain.head()
        if head is not None and not head.same(self._shown):
            if not self._compared:
                self._compare()
                self.note()
            self._metrics.history(HistoryFacts(length=head.seq, head=head.hash, agrees=self._agrees))
            self._shown = head

    def _compare(self) -> None:
        """Hold the chain against the head that was noted last."""
        self._compared = True
        try:
            last = self._file.last()
        except OSError as error:
            LOG.error("the history cannot be compared with the head noted last: %s: %s", NAME, error.strerror)
            return
        if last is not None:
            self._noted = Head(last.seq, last.hash, last.at)
        self._agrees = last is None or self._store.chain.has(Head(last.seq, last.hash)) is not False
        if last is not None and not self._agrees:
            LOG.error(
                "the history is not the one that was here before: %s knows a record %d that the store has not; "
                "run `hostkeeper history verify`, and move the file aside if the store was put back on purpose",
                NAME,
                last.seq,
            )

    def note(self) -> None:
        """Write down where the chain stands, if it has moved since."""
        head = self._store.chain.head()
        if head is None or head.same(self._noted):
            return
        LOG.info(
            "history head %d sha256:%s of %s",
            head.seq,
            head.hash,
            datetime.fromtimestamp(head.at or 0.0, UTC).isoformat(timespec="seconds"),
            extra={
                FIELDS: {
                    "MESSAGE_ID": HEAD_NOTED,
                    "HOSTKEEPER_HISTORY_LENGTH": str(head.seq),
                    "HOSTKEEPER_HISTORY_HEAD": head.hash,
                }
            },
        )
        self._noted = head
        if self._agrees is False:
            return
        try:
            self._file.append(head.seq, head.hash, head.at or 0.0)
        except OSError as error:
            LOG.error("the head of the history is in the log alone: %s: %s", NAME, error.strerror)
