"""Trees with everything in them that a backup must keep, and two trees held against one another."""

from __future__ import annotations

import hashlib
import os
import random
import stat
import struct
from pathlib import Path

NAMES = (
    b"plain",
    b"with space",
    b"line\nend",
    b"no utf-8 \xff\xfe",
    "ü".encode(),
    b"-dash",
    b"star*[x]",
    b"back\\slash",
)
_ACL = struct.pack(
    "<IHHIHHIHHIHHIHHI", 2, 1, 6, 2**32 - 1, 2, 4, 12345, 4, 4, 2**32 - 1, 16, 6, 2**32 - 1, 32, 4, 2**32 - 1
)
"""user::rw-, user:12345:r--, group::r--, mask::rw-, other::r--, as the kernel keeps it."""


def make(place: Path, seed: int = 1) -> None:
    """Make a tree of about 40 objects and 400 KB."""
    chance = random.Random(seed)
    place.mkdir(parents=True)
    for name in NAMES:
        Path(os.fsdecode(os.fsencode(place) + b"/" + name)).write_bytes(chance.randbytes(chance.randrange(1, 2000)))
    deep = place / "deep" / "deeper" / "deepest"
    deep.mkdir(parents=True)
    (deep / "big").write_bytes(chance.randbytes(300_000))
    (deep / "empty").touch()
    (place / "empty directory").mkdir()
    for number in range(8):
        (place / "deep" / f"small-{number}").write_text(f"{number}\n" * number)
    os.link(deep / "big", place / "hard link")
    os.symlink("deep/deeper/deepest/big", place / "link")
    os.symlink("/nowhere/at/all", place / "dangling")
    os.mkfifo(place / "fifo", 0o640)
    with (place / "sparse").open("wb") as file:
        file.seek(3_000_000)
        file.write(b"end")
    (place / "modes").write_text("x")
    os.chmod(place / "modes", 0o4751)
    os.setxattr(place / "plain", "user.colour", b"blue\0green")
    os.setxattr(place / "with space", "system.posix_acl_access", _ACL)
    if os.geteuid() == 0:
        os.chown(place / "deep" / "small-3", 12345, 23456)
        os.mknod(place / "device", 0o600 | stat.S_IFCHR, os.makedev(1, 3))
    for path in sorted(place.rglob("*"), reverse=True):
        when = 1_600_000_000_000_000_000 + chance.randrange(10**17)
        os.utime(path, ns=(when, when), follow_symlinks=False)
    os.chmod(place, 0o2755)
    os.utime(place, ns=(1_500_000_000_123_456_789, 1_500_000_000_123_456_789))


def differences(one: Path, other: Path) -> list[str]:
    """Return a sentence for each difference between two trees; holes are no difference."""
    found: list[str] = []
    left, right = _told(one), _told(other)
    for path in sorted(left.keys() | right.keys()):
        mine, theirs = left.get(path, {}), right.get(path, {})
        found.extend(
            f"{path!r}: {what} {mine.get(what)!r} became {theirs.get(what)!r}"
            for what in sorted(mine.keys() | theirs.keys())
            if mine.get(what) != theirs.get(what)
        )
    return found


def _told(top: Path) -> dict[bytes, dict[str, object]]:
    told: dict[bytes, dict[str, object]] = {}
    first: dict[int, bytes] = {}
    root = os.fsencode(top)
    paths = [root]
    for folder, directories, files in os.walk(root):
        paths += [os.path.join(folder, name) for name in sorted(directories) + sorted(files)]
    for path in sorted(paths):
        about = os.lstat(path)
        name = path[len(root) :]
        fact: dict[str, object] = {
            "mode": oct(about.st_mode),
            "owner": (about.st_uid, about.st_gid),
            "modified": about.st_mtime_ns,
            "attributes": {key: os.getxattr(path, key, follow_symlinks=False) for key in _attributes(path)},
        }
        if stat.S_ISREG(about.st_mode):
            with open(path, "rb") as file:
                fact |= {"size": about.st_size, "content": hashlib.file_digest(file, "sha256").hexdigest()}
            fact["linked to"] = first.setdefault(about.st_ino, name)
        elif stat.S_ISLNK(about.st_mode):
            fact["target"] = os.readlink(path)
        elif stat.S_ISCHR(about.st_mode):
            fact["device"] = about.st_rdev
        told[name] = fact
    return told


def _attributes(path: bytes) -> list[str]:
    return sorted(os.listxattr(path, follow_symlinks=False))


def paths(top: Path) -> set[bytes]:
    """Return the absolute paths of everything at and below a directory."""
    return {os.fsencode(top) + name for name in _told(top)}
