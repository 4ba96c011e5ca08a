"""Checks backups."""

from __future__ import annotations

import os

from agent.drivers.repositories.tar import chain
from agent.drivers.repositories.tar.chain import Link
from agent.drivers.repositories.tar.extract import compare, walk
from agent.drivers.repositories.tar.hashing import Summing
from agent.drivers.repositories.tar.members import Stream, from_descriptor
from agent.drivers.repositories.tar.objects import lines, place
from agent.drivers.repositories.tar.plain import Undecryptable, can_decrypt, plain
from agent.drivers.repositories.tar.site import Site
from agent.model.backups import Backup
from agent.ports import StopRequested

_CHUNK = 1 << 17


def verify(site: Site, backup: Backup, *, deep: bool) -> int:
    """As `Repository.verify`. What it builds on is looked at for structure alone: that has verifications of its own.

    A deep look also decompresses everything and holds each file against the manifest, where the key is at hand.
    """
    link = chain.read(site, backup)[-1]
    return sum(_deep(site, link, name) for name in sorted(link.sums)) if deep else 0


def _deep(site: Site, link: Link, name: str) -> int:
    with chain.checked(link, name, site.tools) as file:
        if name in link.made.files.values() and can_decrypt(site, link):
            try:
                _read(site, link, name, file)
            except Undecryptable as error:
                if not _keyless(str(error)):
                    raise
        return os.fstat(file).st_size


def _keyless(text: str) -> bool:
    """Tell whether GnuPG says that the private key is not here, as is usual on the host that was backed up."""
    return "No secret key" in text


def _read(site: Site, link: Link, name: str, file: int) -> None:
    if name != link.archive:
        with plain(site, link, name, file) as data:
            _drain(site, data)
        return
    with (
        chain.checked(link, link.made.manifest, site.tools) as manifest,
        lines(site, link, manifest) as told,
        plain(site, link, name, file) as data,
    ):
        stream = Stream(from_descriptor(data), f"{link.where}/{name}", lambda _: _heed(site))
        summing = Summing(stream)
        for _, member, digest in walk(stream, told, place(link)):
            if member.kind == "file":
                compare(stream, summing, member, digest)


def _drain(site: Site, data: int) -> None:
    buffer = memoryview(bytearray(_CHUNK))
    while os.readv(data, [buffer]):
        _heed(site)


def _heed(site: Site) -> None:
    if site.tools.stop():
        raise StopRequested
