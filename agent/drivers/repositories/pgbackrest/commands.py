"""The commands of pgBackRest: how they are called, what their failures mean, and whether the program is there."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from msgspec import Struct

from agent.drivers.database import Tools
from agent.errors import Refused, RunFailed
from agent.host.output import visible
from agent.host.users import account
from agent.model.reasons import Reason
from agent.ports import Command, Completed, Program, StopRequested

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
GRACE = 60.0
"""Seconds that a backup that was told to stop may take to end the one it began in the server."""

_LEAST = (2, 45)
INSTALL = "install pgBackRest 2.45 or newer (on Debian: apt install pgbackrest)"
_TAIL = 1 << 20
_CHUNK = 1 << 18
_LAST_LINES = 6

_LOCK, _HELD = 50, "Resource temporarily unavailable"
"""Exit codes are those of pgBackRest's `error.yaml`: a lock that cannot be had; and why, if another command has it."""

DAMAGE = frozenset({26, 29, 55, 95})
"""What damage ends with: a wrong checksum, a wrong form, a missing file, what cannot be decrypted."""

QUIET = ("--log-level-console=off", "--log-level-stderr=error")
"""Results alone on the standard output, errors alone on the other."""


class Engine(Struct, frozen=True, kw_only=True):
    """One stanza of pgBackRest, as an admin has configured it. `user` is the login name that commands run as."""

    name: str
    config: str
    stanza: str
    user: str
    tools: Tools

    def command(self, verb: str, *options: str, timeout: float = math.inf) -> Command:
        """Given a command of pgBackRest and its options, return how it is run."""
        return self.of(
            "pgbackrest", f"--config={self.config}", f"--stanza={self.stanza}", verb, *options, limit=timeout
        )

    def of(self, *argv: str, limit: float = math.inf, directory: str = "/") -> Command:
        """Given an argument list, return how it is run as the user of the stanza."""
        who = account(self.user)
        return Command(
            argv=argv,
            user=self.user,
            environment={
                "PATH": os.environ.get("PATH", PATH),
                "LC_ALL": "C",
                "HOME": who.home,
                "USER": who.name,
                # Labels are local times, and must not go back from those of an admin's own backups: no zone is set.
            },
            directory=directory,
            timeout=limit,
            grace=GRACE,
            output_limit=_TAIL,
        )

    def do(self, verb: str, *options: str, timeout: float = math.inf) -> str:
        """Run a command to its end; return all that it said. Raises as `settle`."""
        completed = self.tools.processes.run(self.command(verb, *options, timeout=timeout), self.tools.stop)
        settle(verb, completed)
        return completed.output

    def read(self, verb: str, *options: str) -> bytes:
        """Run a command to its end; return its standard output whole. Raises as `settle`."""
        with self.output(verb, *options) as chunks:
            return b"".join(chunks)

    @contextmanager
    def output(self, verb: str, *options: str) -> Iterator[Iterator[bytes]]:
        """Run a command and give its standard output as it comes. Leaving raises as `settle`."""
        reading, writing = os.pipe()
        try:
            program = Program(self.command(verb, *QUIET, *options), stdout=writing)
            with self.tools.processes.piped((program,), self.tools.stop) as piped:
                os.close(writing)
                writing = -1
                yield iter(lambda: os.read(reading, _CHUNK), b"")
        finally:
            os.close(reading)
            if writing >= 0:
                os.close(writing)
        settle(verb, piped.completed[0])


def settle(verb: str, completed: Completed) -> None:
    """Given how a command ended, raise StopRequested, Refused where another holds the stanza, or RunFailed."""
    if completed.stopped:
        raise StopRequested
    if completed.timed_out:
        raise RunFailed(f"pgbackrest {verb} took longer than it may and was ended; it said: {words(completed.output)}")
    if completed.code == _LOCK and _HELD in completed.output:
        raise Refused(Reason.REPOSITORY_IN_USE, f"another pgbackrest is at the stanza: {words(completed.output)}")
    if completed.code != 0:
        raise Failed(verb, completed.code, words(completed.output))


class Failed(RunFailed):
    """A command of pgBackRest that failed. `exit_code` is its exit code, `words` what it said."""

    def __init__(self, verb: str, exit_code: int, said: str) -> None:
        super().__init__(f"pgbackrest {verb} failed ({exit_code}): {said}")
        self.exit_code = exit_code
        self.words = said


_STAMP = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} P\d+\s+")


def words(output: str) -> str:
    """Return what pgBackRest said of an error, or its last words, on one line."""
    lines = [_STAMP.sub("", line).strip() for line in output.strip().splitlines()]
    first = next((at for at, line in enumerate(lines) if line.startswith("ERROR:")), max(0, len(lines) - _LAST_LINES))
    return visible(" ".join(lines[first : first + _LAST_LINES])) or "nothing"


def require(engine: Engine) -> str:
    """Return the version of pgBackRest. Raises RunFailed with what to install where it is missing or too old."""
    processes = engine.tools.processes
    try:
        completed = processes.run(engine.of("pgbackrest", "version"), lambda: False)
    except RunFailed as error:
        raise RunFailed(f"{error}: {INSTALL}") from error
    match = re.search(r"pgBackRest (\d+)\.(\d+)", completed.output)
    if completed.code != 0 or match is None:
        raise RunFailed(f"pgbackrest does not tell its version, it says {completed.output[:100]!r}: {INSTALL}")
    if (int(match[1]), int(match[2])) < _LEAST:
        raise RunFailed(f"pgBackRest {match[1]}.{match[2]} is too old: {INSTALL}")
    return f"{match[1]}.{match[2]}"


Watch = Callable[[str], None]


def watched(engine: Engine, watch: Watch, verb: str, *options: str) -> None:
    """Run a command that takes long, and tell `watch` each line that it says meanwhile. Raises as `settle`."""
    said: list[str] = []
    reading, writing = os.pipe()
    try:
        program = Program(engine.command(verb, *options), stdout=writing, stderr=writing)
        with engine.tools.processes.piped((program,), engine.tools.stop) as piped:
            os.close(writing)
            writing = -1
            with open(reading, encoding="utf-8", errors="replace", closefd=False) as lines:
                for line in lines:
                    watch(line)
                    said.append(line)
                    del said[:-_LAST_LINES]
    finally:
        os.close(reading)
        if writing >= 0:
            os.close(writing)
    completed = piped.completed[0]
    settle(verb, Completed(completed.code, "".join(said), 0, completed.timed_out, 0.0, completed.stopped))
