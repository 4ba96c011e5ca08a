"""Tells what a restore would bring back."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from msgspec import structs

from agent.drivers.repositories.tar import chain
from agent.drivers.repositories.tar.manifest import End
from agent.drivers.repositories.tar.objects import objects
from agent.drivers.repositories.tar.restore import merged
from agent.drivers.repositories.tar.site import Site
from agent.model.backups import Backup, Entry


def entries(site: Site, backup: Backup) -> Iterator[Entry]:
    """As `Repository.entries`; only manifests are read. Of names for one file all but one are hard links to that."""
    with contextlib.ExitStack() as stack:
        links = [link for link in chain.read(site, backup) if link.archive]
        manifests = [(link, stack.enter_context(chain.checked(link, link.made.manifest, site.tools))) for link in links]
        if not links:
            return
        if len(links) == 1:
            with objects(site, *manifests[0]) as lines:
                yield from (one.entry for one in lines if not isinstance(one, End))
            return
        merge = merged(site, manifests, stack)
        merge.choose(())
        for generation, (link, manifest) in enumerate(manifests):
            wanted = merge.wanted(generation)
            waiting = next(wanted, None)
            with objects(site, link, manifest) as lines:
                for number, one in enumerate(lines):
                    if isinstance(one, End) or waiting is None or waiting[0] != number:
                        continue
                    first, *others = waiting[1]
                    yield structs.replace(one.entry, path=first)
                    for other in others:
                        yield structs.replace(one.entry, path=other, kind="hard link", sha256="", target=first)
                    waiting = next(wanted, None)
