"""Looks at a repository in a process that may not write anywhere: ENGINE BED; prints what it saw."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from agent.host.readonly import forbid_writing
from tests.system.backups.beds import Bed

if __name__ == "__main__":
    engine, place = sys.argv[1:]
    bed = Bed(engine, Path(place))
    bed.opened = 100
    repository = bed.open(looking=True)
    forbid_writing((os.devnull,))
    for backup in repository.listing().backups:
        repository.verify(backup, deep=False)
        print(backup.id, sum(1 for _ in repository.entries(backup)))
