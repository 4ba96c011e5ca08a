"""Gives the copies of databases back."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator

from agent.drivers.repositories.tar import chain, commands
from agent.drivers.repositories.tar.encryption import decrypting
from agent.drivers.repositories.tar.site import Site
from agent.errors import RunFailed
from agent.host.pipes import roomy
from agent.model.backups import Backup
from agent.ports import Program


@contextlib.contextmanager
def reading(site: Site, backup: Backup, part: str) -> Iterator[Callable[[int], tuple[Program, ...]]]:
    """As `Repository.reading`.

    What decrypts runs beside the programs that are given, and is seen to when the context is left.
    """
    link = chain.read(site, backup)[-1]
    name = link.made.files.get(part, "")
    if not name or part == chain.FILES:
        raise RunFailed(f"backup {backup.id} has no database {part}")
    decrypt = decrypting(link.made.encryption, site.encryption)
    with chain.checked(link, name, site.tools) as source, contextlib.ExitStack() as beside:

        def programs(sink: int) -> tuple[Program, ...]:
            os.lseek(source, 0, os.SEEK_SET)
            plain = source
            for step in decrypt:
                plain, writing = roomy()
                with contextlib.ExitStack() as given:
                    given.callback(os.close, writing)
                    # The reading end has to go before the program is waited for, or that could wait forever to write.
                    beside.enter_context(_beside(site, Program(step, source, writing), f"{link.where}/{name}", plain))
            return (Program(commands.decompressing(), plain, sink),)

        yield programs


@contextlib.contextmanager
def _beside(site: Site, program: Program, file: str, plain: int) -> Iterator[None]:
    problem: RunFailed | None = None
    try:
        with site.tools.processes.piped((program,), site.tools.stop) as running:
            try:
                yield
            finally:
                os.close(plain)
    except RunFailed as error:
        problem = error
    (completed,) = running.completed
    if completed.code > 0:
        raise RunFailed(f"{file} cannot be decrypted: {commands.words(completed)}; is it the right key?") from problem
    if problem is not None:
        raise problem
