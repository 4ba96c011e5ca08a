"""The directory that files are brought back to. Nothing outside it is ever written to, whatever an archive says.

Everything is made by descriptors of directories that were made here, or found to be directories and no links, and is
new: nothing that is there is opened, replaced or removed. Until the end directories are the agent's own and closed to
others, so that nobody meets a half-restored tree; then they get their owners and modes, the deepest first.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

import msgspec
from msgspec import Struct

from agent.drivers.repositories.tar.headers import Member
from agent.drivers.repositories.tar.spool import Spool
from agent.drivers.repositories.tar.way import CLOSED, Way, shown
from agent.drivers.repository import Damaged
from agent.errors import RunFailed
from agent.host.tree.syscalls import DIRECTORY

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_USUAL = 0o755
"""What directories get that lead to what was backed up and are not in the backup themselves."""
_XATTR = b"SCHILY.xattr."
_HARMLESS = {"c 1 3", "c 1 5", "c 1 7", "c 1 8", "c 1 9", "c 5 0", "c 5 2"}
"""Character devices that are for everybody: null, zero, full, random, urandom, tty and ptmx (Linux, devices.txt)."""


class Dress(Struct, frozen=True, array_like=True):
    """What a directory gets in the end; `modified` None leaves the time of its making."""

    path: bytes
    mode: int
    uid: int
    gid: int
    modified: int | None
    attributes: list[tuple[bytes, bytes]]


class Target:
    """An empty directory, and what is made in it. `scratch` is where is kept what its directories get in the end.

    Raises RunFailed when the directory is not there or not empty. Methods raise Damaged for names that lead nowhere
    good or come twice, OSError when the kernel refuses, ValueError for what it cannot be told.
    """

    def __init__(self, directory: str, scratch: str) -> None:
        try:
            self._top = os.open(directory, DIRECTORY)
        except OSError as error:
            raise RunFailed(f"cannot restore to {directory}: {error.strerror}; make the directory first") from error
        if os.listdir(self._top):
            os.close(self._top)
            raise RunFailed(f"{directory} is not empty: name an empty directory to restore to")
        self._way = Way(self._top)
        self._implied = self._way.implied
        self._spool = Spool(scratch)
        self._me = (os.geteuid(), os.getegid())
        self._plain: bool | None = None

    def close(self) -> None:
        """Give descriptors back."""
        self._way.close()
        self._spool.close()
        os.close(self._top)

    def directory(self, path: bytes) -> None:
        """Make a directory, and those above it."""
        if path == b"/":
            return
        above, name = self._way.above(path)
        try:
            os.mkdir(name, CLOSED, dir_fd=above)
        except FileExistsError:
            if path not in self._implied:
                raise Damaged(f"the backup has {shown(path)} twice") from None
            self._implied.discard(path)

    def dress(self, path: bytes, member: Member) -> None:
        """Keep what the headers say of a directory that was made, for the end."""
        dress = Dress(path, member.mode, member.uid, member.gid, member.modified, list(_attributes(member)))
        self._spool.keep(msgspec.msgpack.encode(dress))

    def new_file(self, path: bytes) -> int:
        """Make a file, empty and the agent's own; return its descriptor, which `settle` gives back."""
        above, name = self._way.above(path)
        try:
            return os.open(name, _NEW, 0o600, dir_fd=above)
        except FileExistsError:
            raise Damaged(f"the backup has {shown(path)} twice") from None

    def settle(self, descriptor: int, member: Member) -> None:
        """Give a file that is complete its owner, mode, attributes and time."""
        if self._plain is None:
            about = os.fstat(descriptor)
            self._plain = (about.st_uid, about.st_gid) == self._me
        self._own(descriptor, member.uid, member.gid)
        os.fchmod(descriptor, member.mode)
        if len(member.records) > 1 or b"mtime" not in member.records:
            for name, value in _attributes(member):
                os.setxattr(descriptor, name, value)
        os.utime(descriptor, ns=(member.modified, member.modified))

    def link(self, path: bytes, made: bytes) -> None:
        """Give what was made at the path `made` another name."""
        above, name = self._way.above(made)
        source = os.dup(above)
        try:
            above, new = self._way.above(path)
            os.link(name, new, src_dir_fd=source, dst_dir_fd=above, follow_symlinks=False)
        except FileExistsError:
            raise Damaged(f"the backup has {shown(path)} twice") from None
        except FileNotFoundError:
            raise Damaged(f"the backup has {shown(path)} as a link to {shown(made)}, which is not there") from None
        finally:
            os.close(source)

    def other(self, path: bytes, member: Member) -> None:
        """Make a symbolic link, a FIFO or a device, with its owner, mode, attributes and time.

        A device that is not for everybody in any case can be used by nobody: its mode is 0, its owner the agent's, and
        it has no access list, which could open it again.
        """
        above, name = self._way.above(path)
        mode, uid, gid, attributes = member.mode, member.uid, member.gid, _attributes(member)
        try:
            if member.kind == "link":
                os.symlink(member.target, name, dir_fd=above)
            elif member.kind == "fifo":
                os.mkfifo(name, 0o600, dir_fd=above)
            else:
                if member.device not in _HARMLESS:
                    mode, (uid, gid), attributes = 0, self._me, iter(())
                letter, *numbers = member.device.split()
                kind = stat.S_IFCHR if letter == "c" else stat.S_IFBLK
                os.mknod(name, kind, os.makedev(*map(int, numbers)), dir_fd=above)
        except FileExistsError:
            raise Damaged(f"the backup has {shown(path)} twice") from None
        os.chown(name, uid, gid, dir_fd=above, follow_symlinks=False)
        if member.kind != "link":
            os.chmod(name, mode, dir_fd=above)
        for key, value in attributes:
            os.setxattr(b"/proc/self/fd/%d/%s" % (above, name), key, value, follow_symlinks=False)
        os.utime(name, ns=(member.modified, member.modified), dir_fd=above, follow_symlinks=False)

    def finish(self) -> None:
        """Give all directories their owners, modes, attributes and times, the deepest first."""
        for path in sorted(self._implied):
            self._spool.keep(msgspec.msgpack.encode(Dress(path, _USUAL, *self._me, None, [])))
        for kept in self._spool.backwards():
            dress = msgspec.msgpack.decode(kept, type=Dress)
            above, name = self._way.above(dress.path) if dress.path != b"/" else (self._top, b".")
            descriptor = os.open(name, DIRECTORY, dir_fd=above)
            try:
                self._own(descriptor, dress.uid, dress.gid)
                os.fchmod(descriptor, dress.mode)
                for key, value in dress.attributes:
                    os.setxattr(descriptor, key, value)
                if dress.modified is not None:
                    os.utime(descriptor, ns=(dress.modified, dress.modified))
            finally:
                os.close(descriptor)

    def _own(self, descriptor: int, uid: int, gid: int) -> None:
        if (uid, gid) != self._me or not self._plain:
            os.fchown(descriptor, uid, gid)


def _attributes(member: Member) -> Iterator[tuple[bytes, bytes]]:
    """Yield the extended attributes that the headers hold, ACLs among them, as the kernel knows them."""
    for key, value in member.records.items():
        if key.startswith(_XATTR):
            # GNU tar writes these two characters of a name otherwise.
            yield key[len(_XATTR) :].replace(b"%3D", b"=").replace(b"%25", b"%"), value
