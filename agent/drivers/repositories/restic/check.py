"""Verifies backups: `restic check`, and proof that it has really checked something.

restic checks a repository, not a backup. A check covers every backup that the repository had when it began, so the
answer for the others is known, and one that found damage found it for all: which backups a pack belongs to is not told,
and the backups to come would be made of the same pieces. Before a restore, one backup is looked at by itself.
"""

from __future__ import annotations

import re

import msgspec

from agent.drivers.repositories.restic.engine import Ended, Engine
from agent.drivers.repositories.restic.listing import Records
from agent.drivers.repositories.restic.waiting import patiently
from agent.drivers.repository import Damaged
from agent.errors import RunFailed
from agent.model.backups import Backup

_COUNTER = re.compile(rb"(\d+) / (\d+) (snapshots|packs)\b")


class Checks:
    """What this driver has checked since it was made: ids of snapshots, by whether every byte was read."""

    def __init__(self, engine: Engine, records: Records) -> None:
        self._engine = engine
        self._records = records
        self._whole: dict[bool, frozenset[str]] = {False: frozenset(), True: frozenset()}
        self._damage: dict[bool, Damaged] = {}

    def verify(self, backup: Backup, *, deep: bool) -> int:
        """As `Repository.verify`; return what was read for this backup, which is nothing where it was read before."""
        if self._engine.site.looking and not deep:
            return self._look(backup)
        if deep in self._damage:
            raise self._damage[deep]
        if backup.id in self._whole[deep]:
            return 0
        present = frozenset(one.id for one in self._records.all())
        if backup.id not in present:
            raise Damaged(f"{self._engine.site.name} has no snapshot {backup.id[:8]} any more")
        try:
            self._check(len(present), deep=deep)
        except Damaged as error:
            self._damage[deep] = error
            raise
        self._whole[deep] = present
        self._whole[False] |= present
        return size(self._engine) if deep else 0

    def _look(self, backup: Backup) -> int:
        """Read the trees of one backup, without a cache: what a look may cost. The rest is found by a restore."""
        self._records.find(backup)
        self._engine.must("ls", "--json", "--no-lock", backup.id, hear=lambda _line: None)
        return 0

    def _check(self, least: int, *, deep: bool) -> None:
        counted: dict[bytes, tuple[int, int]] = {}

        def hear(line: bytes) -> None:
            if found := _COUNTER.search(line):
                counted[found[3]] = int(found[1]), int(found[2])
                self._engine.site.tools.progress(int(found[1]), int(found[2]), found[3].decode())

        def check() -> Ended:
            return self._engine.must("check", *(("--read-data",) if deep else ()), hear=hear, reads=True)

        # Whoever makes a backup keeps a check out, and what is to be checked here is often a backup just made.
        check() if self._engine.site.looking else patiently(self._engine.site.tools, check)
        for what, wanted in ((b"snapshots", least), (b"packs", 1 if deep else 0)):
            done, total = counted.get(what, (0, 0))
            if done != total or done < wanted:
                raise RunFailed(
                    f"`restic check` on {self._engine.site.name} ended well and has checked {done} of {total} "
                    f"{what.decode()}, where at least {wanted} should be: nothing is proven"
                )


def size(engine: Engine) -> int:
    """Return the bytes that the snapshots of a repository take in it."""
    lines: list[bytes] = []
    engine.must("stats", "--json", "--mode", "raw-data", "--no-lock", hear=lines.append)
    try:
        told = msgspec.json.decode(b"\n".join(lines), type=dict[str, float])
    except ValueError as error:
        raise RunFailed(f"what restic says of the size of {engine.site.name} cannot be understood: {error}") from error
    return int(told.get("total_size", 0))
