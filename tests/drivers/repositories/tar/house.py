"""A repository to back up to, and what a person would do to get everything back without the agent."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.drivers.database import Tools
from agent.drivers.repositories.tar import DRIVER
from agent.drivers.repositories.tar.driver import Tar
from agent.drivers.repository import Request
from agent.host.clock import SystemClock
from agent.host.processes import SystemProcesses
from agent.model.backups import Backup, Level
from agent.ports import Clock

HOST, TASK = "web-1", "backup-shop"
LATELY = 0.05
SERIES = f"{HOST}/{TASK}"


@dataclass
class House:
    """A repository below `place`, a tree to back up, and the hooks of a test in what the driver is given."""

    place: Path
    encryption: dict[str, Any] | None = None
    stop: Callable[[], bool] = lambda: False
    progress: Callable[[int, int, str], None] = lambda done, total, unit: None
    clock: Clock = field(default_factory=SystemClock)
    keep: str = "keep"
    limit_read: int | None = None
    path: Path = field(init=False)

    def __post_init__(self) -> None:
        self.path = self.place / "repository"
        self.tree = self.place / "tree"
        self.tree.mkdir(exist_ok=True)

    @property
    def series(self) -> Path:
        """Where the backups lie."""
        return self.path / SERIES

    def open(self) -> Tar:
        """Return the driver of an agent of its own, with the state of the others."""
        for name in ("scratch", self.keep):
            (self.place / name).mkdir(mode=0o700, exist_ok=True)
        tools = Tools(
            processes=SystemProcesses(),
            clock=self.clock,
            stop=self.stop,
            progress=self.progress,
            scratch=str(self.place / "scratch"),
            keep=str(self.place / self.keep),
        )
        settings = {
            "path": str(self.path),
            "compression_level": 1,
            "threads": 1,
            "limit_read": self.limit_read,
            "encryption": self.encryption,
        }
        return DRIVER("local", settings, tools)

    def create(self, parent: Backup | None = None, level: Level | None = None, **changes: Any) -> Backup:
        """Back the tree up: full without a parent, incremental with one, unless told otherwise."""
        repository = self.open()
        repository.prepare()
        self.settle()
        fields: dict[str, Any] = {
            "host": HOST,
            "task": TASK,
            "level": level or (Level.INCREMENTAL if parent else Level.FULL),
            "parent": parent,
            "now": self.clock.now().timestamp(),
            "paths": (str(self.tree),),
            "exclude": (),
            "one_file_system": False,
            "databases": (),
        }
        return repository.create(Request(**(fields | changes)))

    def settle(self) -> None:
        """Wait until nothing changed so lately that the next backup would count it as changed once more."""
        tops = [path for path in self.place.iterdir() if path.name not in ("repository", "scratch", self.keep)]
        paths = [path for top in tops for path in (top, *(top.rglob("*") if top == self.tree else ()))]
        newest = max(path.lstat().st_ctime for path in paths)
        while SystemClock().now().timestamp() < newest + LATELY:
            os.sched_yield()

    def names(self) -> list[str]:
        """Return what lies in the series, without its lock."""
        return sorted(name for name in os.listdir(self.series) if name != ".lock") if self.series.is_dir() else []

    def record(self, backup: Backup) -> str:
        """Return what a backup says of itself."""
        return (self.series / backup.id / "backup.json").read_text()

    def by_hand(self, chain: Sequence[Backup], decrypt: Sequence[str] = ()) -> Path:
        """Check backups, and bring the tree back, as README.txt says; return where it is then."""
        out = self.place / "by hand"
        out.mkdir()
        for backup in chain:
            directory = self.series / backup.id
            subprocess.run(["b3sum", "--check", "--quiet", "B3SUMS"], cwd=directory, check=True)
            (archive,) = directory.glob("files.tar.zst*")
            content = archive.read_bytes()
            if decrypt:
                content = subprocess.run(decrypt, input=content, check=True, stdout=subprocess.PIPE).stdout
            content = subprocess.run(
                ["zstd", "-dcq", "--long=31"], input=content, check=True, stdout=subprocess.PIPE
            ).stdout
            subprocess.run([*EXTRACT, f"--directory={out}"], input=content, check=True, capture_output=True)
        return Path(f"{out}{self.tree}")


EXTRACT = (
    *("tar", "--extract", "--file=-", "--listed-incremental=/dev/null", "--xattrs", "--xattrs-include=*", "--acls"),
    *("--numeric-owner", "--preserve-permissions"),
)
"""As README.txt has it; a test holds them against one another."""
