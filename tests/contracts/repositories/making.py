"""Makes a backup of a directory in a process of its own, which may be killed: ENGINE BED DIRECTORY."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.system.backups.beds import HOST, TASK, Bed, Numbers, request

if __name__ == "__main__":
    engine, place, directory = sys.argv[1:]
    bed = Bed(engine, Path(place))
    bed.opened = 100
    repository = bed.open()
    with repository.lock(HOST, TASK):
        repository.create(request([Path(directory)], databases=(Numbers(),)))
