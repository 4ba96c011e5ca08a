"""Brings a server's files back beside the live ones, and changes their places while the server is stopped.

Nothing is ever restored over a directory that is in use, and the files that were live stay under another name.
"""

from __future__ import annotations

import os

from msgspec import Struct

from agent.drivers.physical import RecoveryTarget
from agent.drivers.repositories.pgbackrest import targets
from agent.drivers.repositories.pgbackrest.commands import Engine, words
from agent.drivers.repositories.pgbackrest.manifest import Manifest
from agent.drivers.repositories.pgbackrest.restoring import into
from agent.drivers.repositories.pgbackrest.verifying import Verifying, manifest_of
from agent.drivers.repository import Damaged
from agent.errors import RunFailed
from agent.host.durable import rename
from agent.host.scratch import remove_whole
from agent.model.backups import Backup

_PID = "postmaster.pid"
_WHOLE = "recovery.signal"
"""pgBackRest writes it among the last; a directory without it was not brought back whole."""


class Directories(Struct):
    """`agent.drivers.physical.Beside`: where the server has its files, where the new and where the old ones are."""

    live: str
    directory: str
    old: str

    def steps(self) -> tuple[str, ...]:
        """As `Beside.steps`; the service's name is the admin's."""
        return (
            "systemctl stop postgresql",
            f"mv {self.live} {self.old}",
            f"mv {self.directory} {self.live}",
            "systemctl start postgresql",
        )

    def swap(self) -> None:
        """As `Beside.swap`."""
        if not os.path.isdir(self.directory):
            if os.path.isdir(self.old) and os.path.isdir(self.live):
                return
            raise RunFailed(f"there is no {self.directory} to put in the place of {self.live}")
        if os.path.isdir(self.live):
            self._require_stopped()
            rename(self.live, self.old)
        rename(self.directory, self.live)

    def swap_back(self) -> None:
        """As `Beside.swap_back`."""
        if not os.path.isdir(self.old):
            return
        if os.path.isdir(self.live):
            self._require_stopped()
            rename(self.live, self.directory)
        rename(self.old, self.live)

    def discard(self) -> None:
        """As `Beside.discard`."""
        for path in (self.directory, self.old):
            if os.path.lexists(path) and os.path.isdir(self.live):
                remove_whole(path)

    def _require_stopped(self) -> None:
        pid = running(self.live)
        if pid:
            left = "; ".join(self.steps())
            raise RunFailed(
                f"the server of {self.live} is at work (process {pid}). Stop it first, or do all by hand: {left}"
            )


def running(directory: str) -> int:
    """Return the process of the server that has its files in a directory, 0 when none has."""
    pid = 0
    try:
        with open(os.path.join(directory, _PID), encoding="utf-8", errors="replace") as file:
            pid = int(file.readline())
        # A server works in its directory; after a crash the number may be another process's.
        return pid if os.path.samefile(f"/proc/{pid}/cwd", directory) else 0
    except (FileNotFoundError, ProcessLookupError, ValueError):
        return 0
    except PermissionError:
        return pid


def aside(engine: Engine, backup: Backup, mark: str) -> tuple[Manifest, Directories]:
    """Return the manifest of a backup, and as `agent.drivers.physical.Physical.aside`."""
    made, flaws = manifest_of(engine, backup.id)
    if made is None:
        raise Damaged("\n".join(flaws))
    live = made.directory
    return made, Directories(live, f"{live}.restored-{mark}", f"{live}.before-{mark}")


def beside(
    engine: Engine, verifying: Verifying, backup: Backup, target: RecoveryTarget | None, mark: str
) -> Directories:
    """As `agent.drivers.physical.Physical.beside`."""
    made, places = aside(engine, backup, mark)
    if os.path.exists(os.path.join(places.directory, _WHOLE)) or os.path.exists(places.old):
        return places
    if spaces := [one["path"] for name, one in made.targets.items() if name != "pg_data"]:
        raise RunFailed(
            f"the server has files in {', '.join(spaces)} too, which cannot be brought back beside the live ones: stop "
            f"it, empty these places, and run pgbackrest --stanza={engine.stanza} restore --set={backup.id}"
        )
    targets.require_reachable(engine, backup, target)
    verifying.verify(backup, deep=False)
    remove_whole(places.directory)
    completed = engine.tools.processes.run(engine.of("mkdir", "-p", "-m", "0700", places.directory), engine.tools.stop)
    if completed.code != 0:
        raise RunFailed(f"{places.directory} cannot be made: {words(completed.output)}")
    try:
        into(engine, backup, places.directory, target, moves=True)
    except BaseException:
        remove_whole(places.directory)
        raise
    return places
