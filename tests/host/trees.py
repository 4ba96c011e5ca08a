"""Helpers for tests that walk and delete: deep trees, mounts, immutable files, descriptors in use."""

from __future__ import annotations

import array
import ctypes
import fcntl
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from agent.host.tree import Kernel, Walk, open_root
from agent.model.reasons import Reason

FS_IOC_GETFLAGS = 0x80086601
FS_IOC_SETFLAGS = 0x40086602
IMMUTABLE = 0x10
RENAME_EXCHANGE = 2
LONG_AGO = 1_000_000_000


def touch(path: Path, when: float = LONG_AGO, size: int = 0) -> Path:
    """Make a file of zeros with a time of modification, and the directories above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as file:
        file.truncate(size)
    os.utime(path, (when, when))
    return path


def make_chain(top: Path, depth: int, name: str = "d") -> None:
    """Make directories within one another, one file at the bottom."""
    fd = os.open(top, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir(name, dir_fd=fd)
        below = os.open(name, os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = below
    file = os.open("bottom", os.O_CREAT | os.O_WRONLY, 0o600, dir_fd=fd)
    os.utime(file, (LONG_AGO, LONG_AGO))
    os.close(file)
    os.close(fd)


def remove_chain(top: Path) -> None:
    """Remove what `make_chain` made below a directory, as no library function can: it is too deep for paths."""
    root = open_root(str(top), Kernel())
    try:
        for directory, entering in Walk(root, cross_mounts=False, max_depth=None, report=lambda *_: None):
            if entering:
                for name in directory.names():
                    os.unlink(name, dir_fd=directory.fd)
            elif directory.parent is not None:
                os.rmdir(directory.name, dir_fd=directory.parent.fd)
    finally:
        root.close()


@contextmanager
def mounted(*arguments: str | Path) -> Iterator[None]:
    """Mount with the arguments of mount(8), the last of which is the place; unmount in the end."""
    subprocess.run(["mount", *map(str, arguments)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(arguments[-1])], check=True)


@contextmanager
def immutable(path: Path) -> Iterator[bool]:
    """Make a file immutable while the block runs; False where its file system cannot do that."""
    with open(path, "rb") as file:
        flags = array.array("l", [0])
        possible = True
        try:
            fcntl.ioctl(file, FS_IOC_GETFLAGS, flags)
            fcntl.ioctl(file, FS_IOC_SETFLAGS, array.array("l", [flags[0] | IMMUTABLE]))
        except OSError:
            possible = False
        try:
            yield possible
        finally:
            if possible:
                fcntl.ioctl(file, FS_IOC_SETFLAGS, flags)


def exchange(one: Path, other: Path) -> None:
    """Let two names change places in one instant."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(-100, os.fsencode(one), -100, os.fsencode(other), RENAME_EXCHANGE):
        raise OSError(ctypes.get_errno(), "renameat2")


def open_descriptors() -> int:
    """Return how many descriptors this process has open."""
    return len(os.listdir("/proc/self/fd"))


class Reports(list[tuple[bytes, Reason]]):
    """What a walk could not visit."""

    def __call__(self, path: bytes, reason: Reason, text: str) -> None:
        assert text
        self.append((path, reason))


@contextmanager
def as_user(uid: int) -> Iterator[None]:
    """Let the file system see another user while the block runs."""
    os.seteuid(uid)
    try:
        yield
    finally:
        with suppress(PermissionError):
            os.seteuid(0)
