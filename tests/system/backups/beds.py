"""One repository of each engine to try what all of them promise: how it is made, opened, spoilt."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.drivers.database import Database, Dump, Look, Replacing, Target, Tools
from agent.drivers.repositories import open_repository
from agent.drivers.repository import Repository, Request
from agent.errors import RunFailed
from agent.host.clock import SystemClock
from agent.host.processes import SystemProcesses
from agent.model.backups import Backup, Level
from agent.ports import Clock, Completed, Program
from tests.host.commands import command
from tests.system.backups import restic_repository

HOST, TASK = "web-1", "backup-shop"


@dataclass
class Bed:
    """A repository below `place`. `stop` makes what runs stop; `progress` is what was told of it."""

    engine: str
    place: Path
    stop: list[bool] = field(default_factory=list)
    progress: list[tuple[int, int, str]] = field(default_factory=list)
    opened: int = 0
    clock: Clock = field(default_factory=SystemClock)

    @property
    def path(self) -> Path:
        """Where the repository is."""
        return self.place / "repository"

    def settings(self) -> dict[str, Any]:
        """Return the settings as a policy has them, completed."""
        return _SETTINGS[self.engine](self)

    def open(self, *, looking: bool = False, **changes: Any) -> Repository:
        """Return a driver of an agent of its own, which remembers nothing of the others; one to look has no places."""
        self.opened += 1
        here = self.place / f"agent-{self.opened}"
        for name in () if looking else ("scratch", "keep"):
            (here / name).mkdir(parents=True, mode=0o700)
        tools = Tools(
            processes=SystemProcesses(),
            clock=self.clock,
            stop=lambda: bool(self.stop),
            progress=lambda done, total, unit: self.progress.append((done, total, unit)),
            scratch="" if looking else str(here / "scratch"),
            keep=str(here / "keep"),
        )
        settings = self.settings() | changes
        return open_repository({"name": "local", "driver": self.engine, "settings": settings}, tools)

    def files(self) -> list[Path]:
        """Return the files of the repository that hold something of its backups."""
        return sorted(path for path in self.path.rglob("*") if path.is_file() and _MATTERS[self.engine](path))

    def copy(self, place: Path) -> Bed:
        """Return a bed with a copy of this one's repository."""
        place.mkdir(parents=True)
        made = Bed(self.engine, place)
        made.secrets()
        shutil.copytree(self.path, made.path, symlinks=True)
        return made

    def secrets(self) -> None:
        """Write the files that the settings name."""
        file = self.place / "password"
        file.write_text(restic_repository.PASSWORD)
        file.chmod(0o600)


_SETTINGS: Mapping[str, Callable[[Bed], dict[str, Any]]] = {
    "restic": lambda bed: {
        "repository": str(bed.path),
        "password_file": str(bed.place / "password"),
        "environment_file": None,
        "limit_upload": None,
        "cache": None,
    },
    "tar": lambda bed: {"path": str(bed.path), "compression_level": 3, "threads": 1, "encryption": None},
}

_MATTERS: Mapping[str, Callable[[Path], bool]] = {
    "restic": lambda path: path.parent.name not in ("locks", "keys") and not path.name.endswith(".lock"),
    "tar": lambda path: path.name not in ("lock", "README", "README.md", "README.txt") and path.name[0] != ".",
}


def empty(engine: str, place: Path) -> Bed:
    """Return a bed with an empty repository."""
    place.mkdir(parents=True, exist_ok=True)
    bed = Bed(engine, place)
    bed.secrets()
    if engine == "restic":
        restic_repository.make(bed.path)
    else:
        bed.open().prepare()
    return bed


def request(paths: Sequence[Path], *, parent: Backup | None = None, **changes: Any) -> Request:
    """Return what to back up: full without a parent, incremental with one."""
    fields: dict[str, Any] = {
        "host": HOST,
        "task": TASK,
        "level": Level.INCREMENTAL if parent else Level.FULL,
        "parent": parent,
        "now": SystemClock().now().timestamp(),
        "paths": tuple(map(str, paths)),
        "exclude": (),
        "one_file_system": False,
        "databases": (),
    }
    return Request(**(fields | changes))


@dataclass
class Numbers:
    """A database whose copy is the numbers up to `most`, one a line."""

    name: str = "shop"
    engine: str = "sqlite"
    most: int = 20_000
    fails: str = ""

    @property
    def copy(self) -> bytes:
        return b"".join(b"%d\n" % number for number in range(1, self.most + 1))

    def look(self) -> Look:
        return Look(version="numbers 1", bytes=len(self.copy), tables=("numbers",))

    @contextmanager
    def dumping(self) -> Iterator[Dump]:
        yield Dump(
            form="numbers",
            suffix=".txt",
            programs=lambda descriptor: (Program(command("seq", str(self.most)), stdout=descriptor),),
            settle=self._settle,
            counts={"numbers": self.most},
            facts={"version": "numbers 1"},
        )

    def _settle(self, completed: Sequence[Completed], tail: bytes) -> None:
        if self.fails:
            raise RunFailed(self.fails)
        assert [one.code for one in completed] == [0]
        assert tail == self.copy[-4096:]

    def scratch(self, facts: Mapping[str, str]) -> Any:
        raise AssertionError(f"nobody drills it: {facts}")

    def replacing(self, mark: str) -> Replacing:
        raise AssertionError(f"nobody replaces it: {mark}")


def _fits(numbers: Numbers) -> tuple[Database, type[Target]]:
    """Let the type checker hold the fake against the port."""
    return numbers, Target
