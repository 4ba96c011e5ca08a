"""A backup with all that it builds on, as it lies in its repository, and whether that is what was written."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator, Mapping

from msgspec import Struct

from agent.digests import blake3
from agent.drivers.database import Tools
from agent.drivers.repositories.tar import layout, record, seal, setup
from agent.drivers.repositories.tar.record import Made
from agent.drivers.repositories.tar.site import Site
from agent.drivers.repository import Damaged
from agent.errors import RunFailed
from agent.model.backups import Backup, Listing
from agent.ports import StopRequested
from agent.rules import chains

FILES = "files"
"""The name of the part with the files of paths."""
_CHUNK = 1 << 17


class Link(Struct, frozen=True):
    """A backup in its directory `where`: what it says of itself, and the BLAKE3 of its files by name."""

    where: str
    backup: Backup
    made: Made
    sums: Mapping[str, str]

    @property
    def archive(self) -> str:
        """The file with the archive, empty where no paths were backed up."""
        return self.made.files.get(FILES, "")


def read(site: Site, backup: Backup) -> tuple[Link, ...]:
    """Given a backup, return what restores it, oldest first, itself last; no file but the small ones is read.

    Raises Damaged when one is missing or not whole as far as that can be seen, RunFailed when one cannot be read.
    """
    setup.require(site)
    links = [_link(site, backup, backup.id)]
    seen = {backup.id}
    while (parent := links[-1].backup.parent) and parent not in seen:
        seen.add(parent)
        links.append(_link(site, links[-1].backup, parent))
    links.reverse()
    try:
        chains.chain(Listing(tuple(link.backup for link in links)), backup.id)
    except chains.BrokenChain as error:
        raise Damaged(str(error)) from error
    return tuple(links)


@contextlib.contextmanager
def checked(link: Link, name: str, tools: Tools) -> Iterator[int]:
    """Open a file of a backup, read it whole, and give its descriptor. Raises Damaged when it is another than written.

    RunFailed says that it cannot be told.
    """
    descriptor = _opened(link.where, name)
    try:
        digest = blake3()
        with _explained(link.where, name):
            buffer = memoryview(bytearray(min(_CHUNK, os.fstat(descriptor).st_size + 1)))
            while got := os.readv(descriptor, [buffer]):
                digest.update(buffer[:got])
                if tools.stop():
                    raise StopRequested
        if digest.hexdigest() != link.sums.get(name):
            raise Damaged(f"{link.where}/{name} is not what was written: its BLAKE3 is another")
        yield descriptor
    finally:
        os.close(descriptor)


def _link(site: Site, series: Backup, name: str) -> Link:
    """Given any backup of its series and the id of a backup, return it, if all its files are there and no others."""
    if layout.parse_id(name) is None:
        raise Damaged(f"{series.id} tells of a backup {name!r}, which is no id of one")
    where = os.path.join(layout.series(site.path, series.host, series.task), name)
    with _explained(where, ""):
        sums = seal.read(where)
        told = record.read(where, site.name, sums)
        found = set(os.listdir(where))
        if found != {*sums, layout.SUMS}:
            odd = ", ".join(map(ascii, sorted(found ^ {*sums, layout.SUMS})))
            raise Damaged(f"{where} lacks files, or has some that do not belong there: {odd}")
        sizes = {}
        for file in found:
            about = os.lstat(os.path.join(where, file))
            if not stat.S_ISREG(about.st_mode):
                raise Damaged(f"{where}/{file} is no regular file")
            sizes[file] = about.st_size
    _fit(where, told.backup, told.made, sizes)
    return Link(where, told.backup, told.made, sums)


def _fit(where: str, backup: Backup, made: Made, sizes: Mapping[str, int]) -> None:
    """Raise Damaged unless a record tells of the files that are there, and of as many bytes as they have."""
    files = {part: (file, *([made.manifest] if part == FILES else [])) for part, file in made.files.items()}
    named = {file for parts in files.values() for file in parts}
    if named != set(sizes) - {layout.RECORD, layout.SUMS} or set(files) != {part.name for part in backup.parts}:
        raise Damaged(f"{where} tells of other files than it has")
    for part in backup.parts:
        if part.stored != sum(sizes[file] for file in files[part.name]):
            raise Damaged(f"{where} has files of {part.name} that are longer or shorter than what was written")


def _opened(where: str, name: str) -> int:
    with _explained(where, name):
        return os.open(os.path.join(where, name), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)


@contextlib.contextmanager
def _explained(where: str, name: str) -> Iterator[None]:
    """Tell what the kernel says of a file that should be there: it is damaged, unless only we may not read it."""
    try:
        yield
    except OSError as error:
        text = f"{os.path.join(where, name).rstrip('/')} cannot be read: {error.strerror}"
        if error.errno in (errno.EACCES, errno.EPERM, errno.EMFILE, errno.ENFILE, errno.ENOMEM):
            raise RunFailed(f"{text}; nothing is known of its content") from error
        raise Damaged(text) from error
