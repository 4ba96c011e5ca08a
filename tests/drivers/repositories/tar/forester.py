"""Changes trees at random, the same way for the same seed."""

from __future__ import annotations

import os
import random
import shutil
import stat
import struct
from collections.abc import Callable

NAMES = (b"a", b"b", b"c d", b"e\nf", b"\xff\xfe", b"'\\\"", b"-g", b"*", "ü".encode(), b"x" * 240, b"%41=", b"...")
HARMLESS_DEVICE = os.makedev(1, 3)


def acl(user: int) -> bytes:
    """Return user::rwx, user:NUMBER:r--, group::r-x, mask::r-x, other::--- as the kernel keeps it."""
    entries = ((1, 7, 2**32 - 1), (2, 4, user), (4, 5, 2**32 - 1), (16, 5, 2**32 - 1), (32, 0, 2**32 - 1))
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


class Forester:
    """Changes a tree at random, the same way for the same seed."""

    def __init__(self, top: bytes, seed: int) -> None:
        self.top = top
        self.chance = random.Random(seed)

    def directories(self) -> list[bytes]:
        return sorted(place for place, _, _ in os.walk(self.top))

    def others(self) -> list[bytes]:
        return sorted(os.path.join(place, name) for place, _, names in os.walk(self.top) for name in names)

    def files(self) -> list[bytes]:
        return [path for path in self.others() if stat.S_ISREG(os.lstat(path).st_mode)]

    def free(self) -> bytes:
        """Return a path at which there is nothing."""
        while True:
            path = os.path.join(self.chance.choice(self.directories()), self.chance.choice(NAMES))
            if not os.path.lexists(path):
                return path
            path = os.path.join(self.chance.choice(self.directories()), b"n%d" % self.chance.randrange(10**6))
            if not os.path.lexists(path):
                return path

    def grow(self) -> None:
        path = self.free()
        with open(path, "wb") as file:
            file.write(self.chance.randbytes(self.chance.choice((0, 1, 511, 512, 513, 5000, 70_000))))
        self.dress(path)

    def rewrite(self) -> None:
        if files := self.files():
            with open(self.chance.choice(files), "r+b") as file:
                file.seek(self.chance.randrange(2000))
                file.write(b"changed")

    def dig(self) -> None:
        """Make a file with holes."""
        path = self.free()
        with open(path, "wb") as file:
            for _ in range(self.chance.randrange(4)):
                file.seek(self.chance.randrange(1, 40) * 65536, os.SEEK_CUR)
                file.write(b"data" * self.chance.randrange(1, 3000))
            file.truncate(max(file.tell(), self.chance.randrange(1 << 21)))

    def branch(self) -> None:
        path = self.free()
        if path.count(b"/") - self.top.count(b"/") < 6:
            os.mkdir(path)
            for _ in range(self.chance.randrange(3)):
                with open(os.path.join(path, self.chance.choice(NAMES)), "wb") as file:
                    file.write(b"in a branch")

    def tie(self) -> None:
        if files := self.files():
            os.link(self.chance.choice(files), self.free())

    def odd(self) -> None:
        path = self.free()
        kind = self.chance.randrange(3)
        if kind == 0:
            os.symlink(self.chance.choice((b"nowhere", b"/etc/passwd", b"y" * 300, b"\xff\n", b"../..")), path)
        elif kind == 1:
            os.mkfifo(path, 0o620)
        else:
            os.mknod(path, 0o666 | stat.S_IFCHR, HARMLESS_DEVICE)

    def dress(self, path: bytes) -> None:
        os.chown(path, self.chance.choice((0, 1000, 3_000_000_000)), self.chance.choice((0, 1000)))
        os.chmod(path, self.chance.choice((0o644, 0o600, 0o4755, 0o2755, 0o1777, 0o000, 0o555)))
        if self.chance.random() < 0.3:
            os.setxattr(path, "user.%=\n" + "k" * self.chance.randrange(5), self.chance.randbytes(40))
            os.setxattr(path, "trusted.mine", b"a=b\nc\0")
        if self.chance.random() < 0.3:
            os.setxattr(path, "system.posix_acl_access", acl(self.chance.randrange(1, 10**6)))
        if self.chance.random() < 0.3 and os.path.isdir(path):
            os.setxattr(path, "system.posix_acl_default", acl(self.chance.randrange(1, 10**6)))
        when = self.chance.choice((-(10**9) - 5, 0, 1, 10**18 + 7, 1_700_000_000_000_000_000))
        os.utime(path, ns=(when, when))

    def redress(self) -> None:
        self.dress(self.chance.choice(self.directories() + self.files()))

    def fell(self) -> None:
        if others := self.others():
            os.unlink(self.chance.choice(others))

    def clear(self) -> None:
        """Remove a directory, and mostly put another in its place."""
        places = [path for path in self.directories() if path != self.top]
        if not places:
            return
        gone = self.chance.choice(places)
        shutil.rmtree(gone)
        rest = [path for path in self.directories() if path != self.top and not gone.startswith(path + b"/")]
        if rest and self.chance.random() < 0.7:
            os.rename(self.chance.choice(rest), gone)

    def move(self) -> None:
        """Give something another name, or two directories each other's."""
        places = [path for path in self.directories() if path != self.top]
        path = self.chance.choice((places + self.others()) or [self.free()])
        new = self.free()
        if os.path.lexists(path) and not (new + b"/").startswith(path + b"/"):
            os.rename(path, new)
        places = [path for path in self.directories() if path != self.top]
        one, other = self.chance.choice(places or [b""]), self.chance.choice(places or [b""])
        if one != other and not one.startswith(other + b"/") and not other.startswith(one + b"/"):
            aside = self.top + b"/aside"
            os.rename(one, aside)
            os.rename(other, one)
            os.rename(aside, other)

    def turn(self) -> None:
        """Make a directory of a file."""
        if files := self.files():
            path = self.chance.choice(files)
            os.unlink(path)
            os.mkdir(path)

    def work(self, steps: int) -> None:
        acts: tuple[Callable[[], None], ...] = (
            *(self.grow, self.grow, self.grow, self.rewrite, self.branch, self.branch, self.dig, self.tie),
            *(self.odd, self.redress, self.fell, self.clear, self.move, self.turn),
        )
        for _ in range(steps):
            self.chance.choice(acts)()
