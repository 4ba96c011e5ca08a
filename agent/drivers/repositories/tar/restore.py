"""Brings files back."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence

from msgspec import Struct

from agent.drivers.repositories.tar import chain
from agent.drivers.repositories.tar.chain import Link
from agent.drivers.repositories.tar.extract import Count, Extraction, Wanted, chosen, everything
from agent.drivers.repositories.tar.members import Stream, from_descriptor
from agent.drivers.repositories.tar.merge import Merge
from agent.drivers.repositories.tar.objects import lines, objects, place
from agent.drivers.repositories.tar.plain import plain
from agent.drivers.repositories.tar.site import Site
from agent.drivers.repositories.tar.target import Target
from agent.drivers.repository import Damaged, Restored, Selection
from agent.errors import RunFailed
from agent.host.scratch import temporary
from agent.model.backups import Backup
from agent.ports import StopRequested


class Sound(Struct, frozen=True):
    """A backup whose archive and manifest are open, and found to be what was written."""

    link: Link
    archive: int
    manifest: int


def restore(site: Site, backup: Backup, selection: Selection, directory: str) -> Restored:
    """As `Repository.restore`.

    All of the chain's archives and manifests are read before the first byte is written, and go on being the files that
    were read. Directories above those of the backup are root's with mode 0755. Raises RunFailed when something cannot
    be written; what was brought back until then stays for the caller to remove.
    """
    with contextlib.ExitStack() as stack:
        whole = [_sound(site, link, stack) for link in chain.read(site, backup) if link.archive]
        if not whole:
            raise RunFailed(f"backup {backup.id} has no files, only databases")
        merge: Merge | None = None
        if len(whole) > 1 or selection.paths:
            merge = merged(site, ((one.link, one.manifest) for one in whole), stack)
            merge.choose(selection.paths)
        with _explained(directory):
            target = Target(directory, site.tools.scratch)
            stack.callback(target.close)
            return _restore(site, whole, target, merge)


def _sound(site: Site, link: Link, stack: contextlib.ExitStack) -> Sound:
    manifest = stack.enter_context(chain.checked(link, link.made.manifest, site.tools))
    return Sound(link, stack.enter_context(chain.checked(link, link.archive, site.tools)), manifest)


def merged(site: Site, manifests: Iterable[tuple[Link, int]], stack: contextlib.ExitStack) -> Merge:
    """Given a chain with its open manifests, return what it brings back; the stack gives it back."""
    scratch = site.tools.scratch
    merge = stack.enter_context(Merge(stack.enter_context(temporary(scratch)) if scratch else ""))
    for link, manifest in manifests:
        with objects(site, link, manifest) as found:
            merge.add(found)
    return merge


def _restore(site: Site, whole: Sequence[Sound], target: Target, merge: Merge | None) -> Restored:
    total = sum(part.bytes for one in whole for part in one.link.backup.parts if part.name == chain.FILES)
    extraction = Extraction(target, Count(), made=merge is not None)
    for path in merge.directories() if merge is not None else ():
        target.directory(path)
    heard = _hearing(site, total)
    for generation, one in enumerate(whole):
        wanted: Wanted = everything if merge is None else chosen(merge.wanted(generation))
        with (
            lines(site, one.link, one.manifest) as told,
            plain(site, one.link, one.link.archive, one.archive) as data,
        ):
            stream = Stream(from_descriptor(data), f"{one.link.where}/{one.link.archive}", heard)
            extraction.extract(stream, told, place(one.link), wanted)
    target.finish()
    count = extraction.count
    return Restored(count.items, count.bytes, compared=0)


def _hearing(site: Site, total: int) -> Callable[[int], None]:
    """Return what is told how many more bytes of the chain's archives were read, which are a little more than files."""
    read = 0

    def heard(more: int) -> None:
        nonlocal read
        if site.tools.stop():
            raise StopRequested
        read += more
        site.tools.progress(min(read, total), total, "bytes")

    return heard


@contextlib.contextmanager
def _explained(directory: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RunFailed(
            f"cannot restore to {directory}: {error.strerror}; has its file system room, and does it keep owners, "
            "extended attributes and names like these? Only root can restore what belongs to others"
        ) from error
    except (ValueError, OverflowError) as error:
        raise Damaged(f"the backup has something that no file system takes: {error}") from error
