"""One act of ours on one repository in a process of its own, as the agent does it: `python -m benchmarks.backing`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from agent.drivers.database import Tools
from agent.drivers.repositories.tar import DRIVER
from agent.drivers.repository import Request, Selection
from agent.host.clock import SystemClock
from agent.host.processes import SystemProcesses
from agent.model.backups import Level


def main(act: str, place: Path, tree: str, level: int) -> None:
    """Back `tree` up into a repository below `place` (`create`), `verify` or `restore` the full backup, or restore the
    newest with what it builds on (`restore-chain`)."""
    for name in ("scratch", "keep", "restore", "restore-chain"):
        (place / name).mkdir(mode=0o700, parents=True, exist_ok=True)
    tools = Tools(
        processes=SystemProcesses(),
        clock=SystemClock(),
        stop=lambda: False,
        progress=lambda *_: None,
        scratch=str(place / "scratch"),
        keep=str(place / "keep"),
    )
    settings = {"path": str(place / "repository"), "compression_level": level, "threads": 1, "encryption": None}
    repository = DRIVER("local", settings, tools)
    repository.prepare()
    backups = repository.listing("host", "task").backups
    if act == "create":
        repository.create(_request(tree, backups[-1] if backups else None))
    elif act == "verify":
        repository.verify(backups[0], deep=True)
    else:
        repository.restore(backups[0 if act == "restore" else -1], Selection(), str(place / act))


def _request(tree: str, parent: object) -> Request:
    return Request(
        host="host",
        task="task",
        level=Level.INCREMENTAL if parent else Level.FULL,
        parent=parent,  # type: ignore[arg-type]  # the newest backup, or None
        now=SystemClock().now().timestamp(),
        paths=(tree,),
        exclude=(),
        one_file_system=True,
        databases=(),
    )


if __name__ == "__main__":
    os.umask(0o077)
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
