"""Damages a repository in every way that a disk, a person or another program could."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

from agent.drivers.repositories.tar import layout
from agent.drivers.repositories.tar.site import Site
from agent.model.backups import Backup


class Wrecker:
    """Damages a repository at random, each time in one way, and mends it again."""

    def __init__(self, site: Site, made: list[list[Backup]], seed: int) -> None:
        self.site = site
        self.made = made
        self.chance = random.Random(seed)

    def place(self, backup: Backup) -> Path:
        return Path(layout.place(self.site.path, backup))

    def backup(self) -> Backup:
        return self.chance.choice(self.chance.choice(self.made))

    def file(self) -> Path:
        return self.chance.choice(sorted(self.place(self.backup()).iterdir()))

    def wreck(self) -> tuple[str, Path, Callable[[], object]]:
        """Damage something; return what was done, to which backup, and what mends it."""
        while True:
            act = self.chance.choice(
                (
                    *(self.flip, self.flip, self.flip, self.cut, self.append, self.zero, self.lack, self.rename),
                    *(self.copy, self.exchange, self.other, self.kind, self.identity, self.orphan),
                )
            )
            if (done := act()) is not None:
                return act.__name__, *done

    def change(self, path: Path, new: bytes) -> tuple[Path, Callable[[], object]] | None:
        old = path.read_bytes()
        if old == new:
            return None
        path.write_bytes(new)
        return path.parent, lambda: path.write_bytes(old)

    def flip(self) -> tuple[Path, Callable[[], object]] | None:
        path = self.file()
        content = bytearray(path.read_bytes())
        content[self.chance.randrange(len(content))] ^= 1 << self.chance.randrange(8)
        return self.change(path, bytes(content))

    def cut(self) -> tuple[Path, Callable[[], object]] | None:
        path = self.file()
        content = path.read_bytes()
        return self.change(path, content[: self.chance.randrange(len(content))])

    def append(self) -> tuple[Path, Callable[[], object]] | None:
        path = self.file()
        return self.change(path, path.read_bytes() + self.chance.randbytes(self.chance.choice((1, 4, 512))))

    def zero(self) -> tuple[Path, Callable[[], object]] | None:
        path = self.file()
        content = path.read_bytes()
        at = self.chance.randrange(len(content))
        length = self.chance.randrange(1, 600)
        return self.change(path, content[:at] + bytes(len(content[at : at + length])) + content[at + length :])

    def lack(self) -> tuple[Path, Callable[[], object]]:
        path = self.file()
        content = path.read_bytes()
        path.unlink()
        return path.parent, lambda: path.write_bytes(content)

    def rename(self) -> tuple[Path, Callable[[], object]]:
        path = self.file()
        new = path.with_name(path.name + self.chance.choice(("~", ".new", "x")))
        path.rename(new)
        return path.parent, lambda: new.rename(path)

    def copy(self) -> tuple[Path, Callable[[], object]]:
        path = self.file()
        new = path.with_name("database-copy.sql.zst")
        shutil.copyfile(path, new)
        return path.parent, new.unlink

    def exchange(self) -> tuple[Path, Callable[[], object]] | None:
        """Let two files, of one backup or of two, have each other's content."""
        one, other = self.file(), self.file()
        first, second = one.read_bytes(), other.read_bytes()
        if first == second:
            return None
        one.write_bytes(second)
        other.write_bytes(first)
        return one.parent, lambda: (one.write_bytes(first), other.write_bytes(second))

    def other(self) -> tuple[Path, Callable[[], object]] | None:
        """Put the file of that name of another backup in the place of one."""
        path = self.file()
        return self.change(path, (self.place(self.backup()) / path.name).read_bytes())

    def kind(self) -> tuple[Path, Callable[[], object]]:
        """Put something with the same content in the place of a file that is no file, or nothing that can be read."""
        path = self.file()
        aside = path.parents[3] / "aside"
        path.rename(aside)
        choice = self.chance.randrange(3)
        if choice == 0:
            path.symlink_to(aside)
        elif choice == 1:
            path.mkdir()
        else:
            os.mkfifo(path)

        def mend() -> None:
            path.rmdir() if path.is_dir() else path.unlink()
            aside.rename(path)

        return path.parent, mend

    def identity(self) -> tuple[Path, Callable[[], object]]:
        """Give a backup the id that another could have."""
        path = self.place(self.backup())
        at = self.chance.choice((0, 3, 13, len(path.name) - 16, len(path.name) - 1))
        new = path.with_name(path.name[:at] + self.chance.choice("0123456789abcdef") + path.name[at + 1 :])
        if new == path:
            new = path.with_name(path.name.replace("-full-", "-incremental-").replace("-diff", "-in"))
        if new == path:
            new = path.with_name(path.name + "0")
        path.rename(new)
        return path, lambda: new.rename(path)

    def orphan(self) -> tuple[Path, Callable[[], object]]:
        """Take a backup away that others build on."""
        path = self.place(self.chance.choice(self.made)[self.chance.randrange(2)])
        aside = path.parents[2] / "aside"
        path.rename(aside)
        return path, lambda: aside.rename(path)
