"""Programs of other projects: found, asked with a complete environment, and quoted within bounds."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from agent.drivers.database import Tools
from agent.errors import RunFailed
from agent.host.output import visible
from agent.host.programs import find
from agent.host.users import account
from agent.ports import Command, Completed, Program

LONG = 7 * 86400.0
"""Seconds that the work of a whole database may take; the limits of a run come earlier."""
SHORT = 60.0
"""Seconds that an answer about a database may take."""

STOPPED = "the run was asked to stop"

_PLACES = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_GRACE = 10.0
_KEPT = 16 * 1024
_QUOTED = 600


def search_path() -> str:
    """Return where programs are looked for: the PATH of the agent, and where systems keep theirs."""
    return os.environ.get("PATH", "") + ":" + _PLACES if os.environ.get("PATH") else _PLACES


def program(names: Sequence[str], places: str, advice: str) -> str:
    """Given the names that a program goes by, return the path of the first that is there.

    Raises RunFailed with the advice when there is none.
    """
    who = account(None)
    for name in names:
        found = find(name, places, "/", who)
        if not found.problem:
            return found.path
    raise RunFailed(f"there is no program {names[0]} on this host: {advice}")


def command(
    argv: Sequence[str],
    *,
    user: str | None = None,
    environment: Mapping[str, str] | None = None,
    directory: str = "/",
    timeout: float = LONG,
) -> Command:
    """Return a command with a complete environment: `environment`, and what every program gets."""
    return Command(
        argv=tuple(argv),
        user=user,
        environment={"LC_ALL": "C", "PATH": search_path(), "HOME": "/nonexistent", **(environment or {})},
        directory=directory,
        timeout=timeout,
        grace=_GRACE,
        output_limit=_KEPT,
    )


@contextmanager
def held(*texts: bytes) -> Iterator[tuple[int, ...]]:
    """Hold texts as files in memory, which take and give any length at once; give a descriptor at each beginning."""
    descriptors = tuple(os.memfd_create("text") for _ in texts)
    try:
        for descriptor, text in zip(descriptors, texts, strict=True):
            view = memoryview(text)
            while view:
                view = view[os.write(descriptor, view) :]
            os.lseek(descriptor, 0, os.SEEK_SET)
        yield descriptors
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def answer(tools: Tools, asked: Command, text: bytes = b"") -> tuple[Completed, bytes]:
    """Given a command and its standard input, run it; return how it ended, with its messages, and what it wrote."""
    with held(text, b"") as (source, sink):
        with tools.processes.piped((Program(asked, source, sink),), tools.stop) as piped:
            pass
        os.lseek(sink, 0, os.SEEK_SET)
        with open(sink, "rb", closefd=False) as file:
            return piped.completed[0], file.read()


def password(path: str) -> str:
    """Return the password that a file holds, without the end of its line. Raises RunFailed."""
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise RunFailed(f"the password of a database cannot be read from {path}: {why}") from error
    if not text or "\n" in text or "\0" in text:
        raise RunFailed(f"{path} is no file with a password, and nothing else, on its one line")
    return text


def shortened(text: str) -> str:
    """Return the end of a text on one line and within bounds."""
    joined = "; ".join(line.strip() for line in visible(text).splitlines() if line.strip())
    return joined if len(joined) <= _QUOTED else "..." + joined[-_QUOTED:]


def said(completed: Completed) -> str:
    """Return how a program ended, with the end of what it said, on one line and within bounds."""
    text = shortened(completed.output)
    if completed.stopped:
        return STOPPED
    if completed.timed_out:
        return f"no end within its time; {text}" if text else "no end within its time"
    how = f"signal {-completed.code}" if completed.code < 0 else f"exit code {completed.code}"
    return f"{text} ({how})" if text else how


def go_on(tools: Tools) -> None:
    """Raise RunFailed when the run was asked to stop, however quickly the programs that were asked last have ended."""
    if tools.stop():
        raise RunFailed(STOPPED)


def require(completed: Completed, what: str) -> None:
    """Raise RunFailed, beginning with `what`, unless a program ended well."""
    if completed.code != 0 or completed.stopped or completed.timed_out:
        raise RunFailed(f"{what}: {said(completed)}")
