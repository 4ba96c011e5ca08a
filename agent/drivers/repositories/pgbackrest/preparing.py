"""Makes a stanza ready: it exists, and the server's log really reaches the repository."""

from __future__ import annotations

import os

from agent.drivers.repositories.pgbackrest.commands import Engine, Failed, require
from agent.drivers.repositories.pgbackrest.info import NO_DATA, NO_STANZA, look
from agent.errors import RunFailed
from agent.host.durable import replace
from agent.host.scratch import make_private

_LOOKING = 300.0
"""Seconds for a segment of the log to arrive; pgBackRest's own patience is `archive-timeout`, 60 s where not set."""

_ARCHIVE_OFF, _ARCHIVE_ELSEWHERE = 87, 68
"""Exit codes are those of pgBackRest's `error.yaml`."""


def prepare(engine: Engine) -> None:
    """Create the stanza if it never was, and check that the server's log is archived."""
    require(engine)
    mark = os.path.join(engine.tools.keep, f"stanza-{engine.stanza}")
    if look(engine).code in (NO_STANZA, NO_DATA):
        if os.path.exists(mark):
            raise RunFailed(
                f"the stanza {engine.stanza}, which was there before, is gone: is the storage of its repository "
                f"mounted? If it was removed for good, remove {mark} as well"
            )
        _asked(engine, "stanza-create")
    _asked(engine, "check")
    if not os.path.exists(mark):
        make_private(engine.tools.keep)
        replace(mark, b"")


def _asked(engine: Engine, verb: str) -> None:
    try:
        engine.do(verb, timeout=_LOOKING)
    except Failed as error:
        if error.exit_code in (_ARCHIVE_OFF, _ARCHIVE_ELSEWHERE):
            raise RunFailed(
                f"the server does not archive its log to {engine.stanza} ({error.words}). "
                "Add these two lines to its postgresql.conf, and restart it:\n" + archiving(engine)
            ) from error
        raise


def archiving(engine: Engine) -> str:
    """Return the two lines of `postgresql.conf` that a server needs."""
    push = f"pgbackrest --config={engine.config} --stanza={engine.stanza} archive-push %p"
    return "archive_mode = on\narchive_command = '" + push.replace("'", "''") + "'"
