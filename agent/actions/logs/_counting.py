"""Counting messages by template and level."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from msgspec import Struct, field

from agent.host.output import visible
from agent.rules.joining import Record
from agent.rules.masking import mask
from agent.rules.templates import Miner, level_of, without_numbers

MOST_KNOWN = 20_000
"""So many lines without their numbers are known by heart."""

_HEAD = 4096
_SAMPLE = 1000
_MORE = 5

Counted = tuple[int, str]
"""The id of a template, and a level."""


class Counting(Struct):
    """Counts records, and remembers those that are new. `now` is seconds since the epoch.

    `recent` is a record of each template that was met.
    """

    miner: Miner
    addresses: bool
    now: float
    counts: Counter[Counted] = field(default_factory=Counter)
    lines: int = 0
    recent: dict[int, Record] = field(default_factory=dict)
    new: list[int] = field(default_factory=list)
    _known: dict[str, dict[bytes, Counted]] = field(default_factory=dict)
    _size: int = 0

    def take(self, records: Sequence[Record], level: str = "") -> None:
        """Count records; `level` is what all of them have, "" to look for it in their lines.

        What a service prints has the level `info` in the journal, whatever it says.
        """
        if not records:
            return
        heads = [_head(record) for record in records]
        keys = without_numbers(b"\n".join(heads)).split(b"\n")
        counts, recent = self.counts, self.recent
        known = self._known.setdefault(level, {})
        for record, head, key in zip(records, heads, keys, strict=True):
            counted = known.get(key)
            if counted is None:
                counted = self._learn(head, key, level)
                known = self._known.setdefault(level, {})
            counts[counted] += 1
            recent[counted[0]] = record
            self.lines += record.lines

    def _learn(self, head: bytes, key: bytes, level: str) -> Counted:
        clean = mask(visible(head.replace(b"\0", b"")), addresses=self.addresses)
        text = without_numbers(clean.encode()).decode()
        found = _level(level, text)
        before = self.miner.changes
        belongs = self.miner.belongs(found, text, self.now)
        if belongs.new:
            self.new.append(belongs.id)
        if self.miner.changes != before or self._size >= MOST_KNOWN:
            self._known.clear()
            self._size = 0
        counted = (belongs.id, found)
        self._known.setdefault(level, {})[key] = counted
        self._size += 1
        return counted

    def sample(self, template: int) -> str:
        """Return a message of a template, shortened and without secrets, "" when none was met."""
        record = self.recent.get(template)
        if record is None:
            return ""
        lines = [record.head, *record.more[:_MORE], *([record.last] if record.last not in record.more[:_MORE] else [])]
        text = b"\n".join(line[: 4 * _SAMPLE] for line in lines if line)
        return mask(visible(text.replace(b"\0", b"")), addresses=self.addresses)[:_SAMPLE]


def _head(record: Record) -> bytes:
    """Return the line that tells what kind of message a record is."""
    head = b"Traceback of an error: " + record.last if record.last else record.head
    return head[:_HEAD].replace(b"\n", b" ")


def _level(given: str, text: str) -> str:
    if given not in ("", "info"):
        return given
    said = level_of(text)
    return said if said != "unknown" or not given else given
