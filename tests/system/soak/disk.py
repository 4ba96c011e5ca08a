"""A small file system of its own that can be filled, break, and be mended."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from pathlib import Path

MIB = 1 << 20
LEFT_OVER = 64
"""So many more files are tried to be made than the disk has inodes."""


def call(*words: str | Path, codes: tuple[int, ...] = (0,)) -> None:
    """Run a program that ends with one of these exit codes."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode in codes, f"{words} ended with {done.returncode}: {done.stderr}"


class SmallDisk:
    """ext4 on a loop device whose image is in memory: a flush to it costs no time that other programs would miss.

    All of it is mounted below `place`, and goes with the mount namespace it was mounted in.
    """

    def __init__(self, place: Path, *, mib: int, inodes: int) -> None:
        backing = place / "backing"
        self.root = place / "disk"
        self._image = backing / "image"
        self._inodes = inodes
        self._ballast = self.root / "filled"
        for directory in (backing, self.root):
            directory.mkdir()
        call("mount", "-t", "tmpfs", "-o", f"size={mib + 8}m,mode=700", "tmpfs", backing)
        with self._image.open("wb") as image:
            image.truncate(mib * MIB)
        lazy = "lazy_itable_init=0,lazy_journal_init=0"
        call("mkfs.ext4", "-q", "-m", "0", "-N", str(inodes), "-J", "size=4", "-E", lazy, self._image)
        self.mount()

    def mount(self) -> None:
        """Mount it, and let nobody but the owner in."""
        call("mount", "-o", "loop,errors=remount-ro", self._image, self.root)
        self.root.chmod(0o700)

    def unmount(self) -> None:
        """Unmount it and what it is kept in; nobody may be using it."""
        call("umount", self.root)
        call("umount", self._image.parent)

    def fill_bytes(self) -> None:
        """Leave not one free block."""
        with suppress(OSError):
            self._ballast.mkdir(exist_ok=True)
            with (self._ballast / "bulk").open("ab", buffering=0) as bulk:
                for step in (MIB, 4096):
                    with suppress(OSError):
                        while True:
                            os.posix_fallocate(bulk.fileno(), bulk.seek(0, os.SEEK_END), step)

    def fill_inodes(self) -> None:
        """Leave not one free inode."""
        with suppress(OSError):
            self._ballast.mkdir(exist_ok=True)
            for number in range(self._inodes + LEFT_OVER):
                (self._ballast / str(number)).touch()

    def empty(self) -> None:
        """Take away what filled it."""
        if self._ballast.is_dir():
            for file in self._ballast.iterdir():
                file.unlink()
            self._ballast.rmdir()

    def abort(self) -> None:
        """Let the kernel find an error: from now on the disk is read-only for all who use it, whatever they hold open.

        `mount` itself ends badly then: it finds the disk read-only before it is done.
        """
        call("mount", "-o", "remount,abort", self.root, codes=(0, 32))

    def mend(self) -> None:
        """Check it, and mount it anew; nobody may be using it."""
        call("umount", self.root)
        call("e2fsck", "-p", self._image, codes=(0, 1))
        self.mount()
        # What had been taken away moments before it broke is there again.
        self.empty()
