"""Open the drivers that an action's options name, with what they may work with."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from msgspec import Struct

from agent.drivers.database import Database, Tools
from agent.drivers.databases import connect
from agent.drivers.repositories import open_repository
from agent.drivers.repository import Repository
from agent.host.scratch import make_private, remove_whole
from agent.ports import Context

Definition = Mapping[str, Any]
"""What a policy says of a database or a repository, completed: `name`, `driver` and `settings`."""

_SCRATCH = "scratch"
_ROOMY = "/var/tmp"  # noqa: S108 - the parent of a private directory
"""Where a copy of a database has more room than in /tmp, which may be memory."""


class Drivers(Struct, frozen=True):
    """How drivers are opened; tests bring their own."""

    repository: Callable[[Definition, Tools], Repository] = open_repository
    database: Callable[[Definition, Tools], Database] = connect


REAL = Drivers()


def repository_of(definition: Definition, ctx: Context, scratch: str = "", drivers: Drivers = REAL) -> Repository:
    """Given a repository of the options, return its driver; without a directory of `scratch`, only to look."""
    return drivers.repository(definition, _tools(definition, ctx, scratch, "repositories"))


def database_of(definition: Definition, ctx: Context, scratch: str = "", drivers: Drivers = REAL) -> Database:
    """Given a database of the options, return its driver; without a directory of `scratch`, only to look."""
    return drivers.database(definition, _tools(definition, ctx, scratch, "databases"))


def tools_of(ctx: Context, scratch: str, keep: str) -> Tools:
    """Given directories to work in, return what drivers work with in a run."""
    return Tools(
        processes=ctx.processes,
        clock=ctx.clock,
        stop=ctx.stopping,
        progress=ctx.progress,
        scratch=scratch,
        keep=keep,
    )


def _tools(definition: Definition, ctx: Context, scratch: str, family: str) -> Tools:
    keep = os.path.join(ctx.place, family, definition["name"])
    if scratch:
        make_private(keep)
    return tools_of(ctx, scratch, keep)


@contextmanager
def scratch_of(ctx: Context, where: str | None = None) -> Iterator[str]:
    """Make the directory that a run works in, below a place that root alone controls, None for one that the agent
    chooses; it goes afterwards, and that of a run that was killed before."""
    left = ctx.memory.recall(_SCRATCH)
    if isinstance(left, str) and _is_ours(left):
        remove_whole(left)
    roomy = "TMPDIR" not in os.environ and os.path.isdir(_ROOMY)
    base = where or (_ROOMY if roomy else tempfile.gettempdir())
    directory = os.path.join(base, f"hostkeeper-{secrets.token_hex(8)}")
    # Remembered before it is made: whenever the run is killed, the next one knows of it.
    ctx.memory.remember(_SCRATCH, directory)
    os.mkdir(directory, 0o700)
    try:
        yield directory
    finally:
        remove_whole(directory)
    ctx.memory.remember(_SCRATCH, None)


def _is_ours(path: str) -> bool:
    try:
        return os.lstat(path).st_uid == os.geteuid()
    except OSError:
        return False
