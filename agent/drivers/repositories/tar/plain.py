"""Opens the files of a backup as they were before they were compressed and encrypted."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence

from agent.drivers.repositories.tar import commands
from agent.drivers.repositories.tar.chain import Link
from agent.drivers.repositories.tar.encryption import decrypting
from agent.drivers.repositories.tar.site import Site
from agent.drivers.repository import Damaged
from agent.errors import RunFailed
from agent.host.pipes import roomy
from agent.ports import Command, Completed, Program, StopRequested


class Undecryptable(RunFailed):
    """A file of a backup that the key at hand does not open."""


@contextlib.contextmanager
def plain(site: Site, link: Link, name: str, source: int) -> Iterator[int]:
    """Given an open file of a backup, give a descriptor that its plain content comes from, to be read to its end.

    Raises Damaged when it cannot be decompressed, or the caller does; RunFailed when it cannot be decrypted, or a
    program is missing or is killed. All but the last but one can come when the context is left, too.
    """
    decrypt = decrypting(link.made.encryption, site.encryption)
    os.lseek(source, 0, os.SEEK_SET)
    problem: Damaged | None = None
    with contextlib.ExitStack() as ours, contextlib.ExitStack() as given:
        programs, reading = _connected((*decrypt, commands.decompressing()), source, given)
        ours.callback(os.close, reading)
        with site.tools.processes.piped(programs, site.tools.stop) as running:
            given.close()
            try:
                yield reading
            except Damaged as error:
                # At the end of the data, what the programs say of it counts for more.
                if os.read(reading, 1):
                    raise
                problem = error
            finally:
                ours.close()
    if site.tools.stop():
        raise StopRequested
    _settle(link, name, running.completed, len(decrypt))
    if problem is not None:
        raise problem


def can_decrypt(site: Site, link: Link) -> bool:
    """Tell whether the settings name what decrypts a backup."""
    try:
        decrypting(link.made.encryption, site.encryption)
    except RunFailed:
        return False
    return True


def _connected(steps: Sequence[Command], source: int, given: contextlib.ExitStack) -> tuple[tuple[Program, ...], int]:
    """Return programs with pipes between them, and where the last one's output is read; `given` closes the others."""
    programs: list[Program] = []
    stdin = source
    for number, step in enumerate(steps):
        reading, writing = roomy()
        given.callback(os.close, writing)
        if number < len(steps) - 1:
            given.callback(os.close, reading)
        programs.append(Program(step, stdin, writing))
        stdin = reading
    return tuple(programs), stdin


def _settle(link: Link, name: str, completed: Sequence[Completed], decrypting_steps: int) -> None:
    """Raise what a program's end means, the first one's that went wrong."""
    for number, one in enumerate(completed):
        if one.code < 0:
            raise RunFailed(
                f"a program that reads {link.where}/{name} was killed by signal {-one.code}: run this again"
            )
        if one.code and number < decrypting_steps:
            raise Undecryptable(f"{link.where}/{name} cannot be decrypted: {commands.words(one)}; is it the right key?")
        if one.code:
            raise Damaged(f"{link.where}/{name} cannot be decompressed: {commands.words(one)}")
