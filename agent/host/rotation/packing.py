"""Compress an older generation: the packed file stands whole and unpacked once before the plain one goes."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack

from msgspec import Struct

from agent.digests import blake2b
from agent.errors import RunFailed
from agent.failpoints import reach
from agent.host.following.content import Unpack, chunks
from agent.host.rotation.files import NotRotated, drop, named, nameless, opened
from agent.host.rotation.likeness import liken
from agent.host.rotation.place import Place


class Packing(Struct, frozen=True):
    """How generations are compressed: their ending, and what compresses from one descriptor to another.

    `compress` raises NotRotated when it could not.
    """

    ending: str
    compress: Callable[[int, int], None]
    unpack: Unpack


def pack(place: Place, name: str, packing: Packing) -> None:
    """Given the name of a plain generation, have it compressed beside itself and removed, down to the disk.

    A packed one that is there already is taken for it when it has the same content, and made anew when it is damaged:
    somebody ended amid this. Raises NotRotated and OSError; the plain one is then there and whole.
    """
    packed = name + packing.ending
    with ExitStack() as stack:
        with place.acting():
            source = stack.enter_context(opened(place.fd, name, os.O_RDONLY))
        before = os.fstat(source)
        content = _digest(source, "", packing)
        if not _is_packed(place, packed, content, packing):
            _make(place, source, packed, content, packing)
        after = os.fstat(source)
        if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
            with place.acting():
                drop(place.fd, packed)
            raise NotRotated(f"{name} was written to while it was compressed, and is left as it is")
        with place.acting():
            drop(place.fd, name, before)


def _is_packed(place: Place, packed: str, content: str, packing: Packing) -> bool:
    """Tell whether a generation is packed already; what is damaged there is removed. Raises NotRotated for another."""
    with ExitStack() as stack:
        try:
            with place.acting():
                found = stack.enter_context(opened(place.fd, packed, os.O_RDONLY))
        except FileNotFoundError:
            return False
        about = os.fstat(found)
        held = _held(found, packing)
        if not held:
            with place.acting():
                drop(place.fd, packed, about)
            return False
        if held != content:
            raise NotRotated(f"{packed} is there, and has another content: remove one of the two")
        return True


def _held(packed: int, packing: Packing) -> str:
    """Return the digest of what is in a packed file, "" for a damaged one."""
    # An empty file passes for an archive of nothing.
    if not os.fstat(packed).st_size:
        return ""
    try:
        return _digest(packed, packing.ending, packing)
    except RunFailed:
        return ""


def _make(place: Place, source: int, packed: str, content: str, packing: Packing) -> None:
    with place.acting():
        target, without_name = nameless(place.fd, packed)
    about = os.fstat(source)
    try:
        try:
            os.lseek(source, 0, os.SEEK_SET)
            packing.compress(source, target)
            os.fsync(target)
            if _held(target, packing) != content:
                raise NotRotated(f"{packed} does not unpack to what was compressed")
            with place.acting():
                liken(target, source)
                os.utime(target, ns=(about.st_atime_ns, about.st_mtime_ns))
                os.fsync(target)
                reach("rotation.pack:before")
                if without_name:
                    named(target, place.fd, packed)
                os.fsync(place.fd)
                reach("rotation.pack:after")
        except BaseException:
            if not without_name:
                with place.acting():
                    drop(place.fd, packed, os.fstat(target))
            raise
    finally:
        os.close(target)


def _digest(descriptor: int, ending: str, packing: Packing) -> str:
    found = blake2b(digest_size=16)
    for chunk in chunks(descriptor, ending, 0, packing.unpack):
        found.update(chunk)
    return found.hexdigest()
