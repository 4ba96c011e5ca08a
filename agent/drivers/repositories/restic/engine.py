"""Runs restic: what it is given, how it is heard, and what becomes of its failures."""

from __future__ import annotations

import os
import re
import selectors
from collections import deque
from collections.abc import Callable, Collection, Mapping
from contextlib import ExitStack, suppress

from msgspec import Struct

from agent.drivers.repositories.restic import private
from agent.drivers.repositories.restic.site import Site
from agent.drivers.repositories.restic.words import Patience, Trouble, last, spoken, trouble, unlockable
from agent.drivers.repository import Damaged
from agent.errors import Refused, RunFailed
from agent.host.output import visible
from agent.model.reasons import Reason
from agent.ports import Command, Completed, Program, StopRequested

LEAST = (0, 14)
_ADVICE = "install restic 0.14 or newer (on Debian: apt install restic)"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_VERSION = re.compile(r"^restic (\d+)\.(\d+)(?:\.(\d+))?")
_GRACE = 20.0
SHORT, LONG = 900.0, 7 * 86400.0
"""Seconds that a look and a piece of work may take: nothing here waits for ever."""
_SECRET = 6
"""Shorter values of the environment are no secrets: hiding a `1` would hide half of each message."""
_CHUNK = 1 << 16
_LINES = 400

Hear = Callable[[bytes], None]


class Streams(Struct, frozen=True):
    """Descriptors for restic's standard input and output; None is an empty one, and one that nobody reads."""

    stdin: int | None = None
    stdout: int | None = None


NONE = Streams()


class Ended(Struct, frozen=True):
    """How restic ended: exit code, and its messages, the last ones where there were many."""

    code: int
    messages: tuple[str, ...]


class _GaveUpError(Exception):
    """restic was ended because it went on trying what cannot succeed; `messages` are what it had said."""

    def __init__(self, messages: tuple[str, ...]) -> None:
        super().__init__()
        self.messages = messages


class Engine:
    """restic, for one repository. Environment and version are looked up when they are first needed."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self._environment: Mapping[str, str] = {}
        self._version: tuple[int, ...] = ()
        self._secrets: tuple[str, ...] = ()

    def version(self) -> tuple[int, ...]:
        """Return restic's version. Raises RunFailed where it is missing or too old."""
        if not self._version:
            command = self._made(("restic", "version"), {"PATH": _path(), "LC_ALL": "C"}, SHORT)
            try:
                completed = self.site.tools.processes.run(command, lambda: False)
            except RunFailed as error:
                raise RunFailed(f"{error}: {_ADVICE}") from error
            found = _VERSION.search(completed.output)
            if completed.code != 0 or found is None:
                raise RunFailed(f"`restic version` does not tell a version: {_ADVICE}")
            told = tuple(int(number or 0) for number in found.groups())
            if told < LEAST:
                raise RunFailed(f"restic {'.'.join(map(str, told))} is too old: {_ADVICE}")
            self._version = told
        return self._version

    def command(self, *arguments: str, timeout: float = LONG) -> Command:
        """Given arguments, return the command. Raises RunFailed when a file that it needs is not as it must be."""
        self.version()
        if not self._environment:
            self._environment = self._surroundings()
        quiet = ("--no-cache",) if self.site.looking else ()
        return self._made(("restic", *arguments, *quiet), self._environment, timeout)

    def run(self, *arguments: str, hear: Hear | None = None, streams: Streams = NONE, timeout: float = LONG) -> Ended:
        """Run restic to its end; lines of its output are given to `hear`, or all of it goes to `streams.stdout`.

        Raises StopRequested when the run was told to stop, Damaged when restic would go on looking for a file that is
        not there, RunFailed when it took too long. In each of these cases no lock of it stays.
        """
        command = self.command(*arguments, timeout=timeout)
        try:
            completed, messages = self._heard(command, hear, streams, self.site.tools.stop)
        except _GaveUpError as gave_up:
            self.unlock()
            return Ended(1, gave_up.messages)
        except BaseException:
            with suppress(Exception):
                self.unlock()
            raise
        if completed.stopped or completed.timed_out or completed.code < 0:
            self.unlock()
        if completed.stopped:
            raise StopRequested
        if completed.timed_out:
            raise RunFailed(f"`restic {arguments[0]}` on {self.site.name} took longer than {timeout:g} s and was ended")
        if completed.code < 0:
            raise RunFailed(f"`restic {arguments[0]}` on {self.site.name} was killed by signal {-completed.code}")
        return Ended(completed.code, tuple(messages))

    def must(
        self,
        *arguments: str,
        hear: Hear | None = None,
        streams: Streams = NONE,
        timeout: float = LONG,
        well: Collection[int] = (0,),
        reads: bool = False,
    ) -> Ended:
        """As `run`, and raise what its failure means: Damaged, Refused when another agent is at it, or RunFailed.

        `well` are the exit codes that are none. A lock that nobody holds any more is removed, and restic run again.
        What only `reads` does without a lock where none can be written: a backup must come back from any disk.
        """
        ended = self.run(*arguments, hear=hear, streams=streams, timeout=timeout)
        if ended.code not in well and trouble(ended.code, ended.messages) is Trouble.LOCKED:
            self.unlock()
            ended = self.run(*arguments, hear=hear, streams=streams, timeout=timeout)
        if reads and ended.code not in well and unlockable(ended.messages):
            ended = self.run(*arguments, "--no-lock", hear=hear, streams=streams, timeout=timeout)
        if ended.code not in well:
            raise self.failure(arguments[0], ended)
        return ended

    def failure(self, verb: str, ended: Ended) -> RunFailed | Refused:
        """Given what restic was to do and how it failed, return the exception that says so."""
        name, told = self.site.name, last(ended.messages, ended.code)
        match trouble(ended.code, ended.messages):
            case Trouble.LOCKED:
                return Refused(
                    Reason.REPOSITORY_IN_USE,
                    f"somebody else is at work in {name}: wait until that has ended, then run this again ({told})",
                )
            case Trouble.PASSWORD:
                return RunFailed(
                    f"the password in {self.site.password_file} does not open {name}, or its key is damaged"
                )
            case Trouble.ABSENT:
                return RunFailed(f"there is no repository where {name} should be ({told})")
            case Trouble.DAMAGE:
                return Damaged(f"{name} is damaged: `restic {verb}` says: {told}")
            case Trouble.SURROUNDINGS:
                return RunFailed(f"`restic {verb}` on {name} failed: {told}")

    def unlock(self) -> None:
        """Remove locks whose holder has died on this host, or that nobody has renewed for half an hour."""
        if self.site.looking:
            return
        self._heard(self.command("unlock", timeout=SHORT), None, NONE, lambda: False)

    def _heard(
        self, command: Command, hear: Hear | None, streams: Streams, stop: Callable[[], bool]
    ) -> tuple[Completed, deque[str]]:
        messages: deque[str] = deque(maxlen=_LINES)
        patience = Patience(near=self.site.directory is not None)

        def listen(line: bytes) -> None:
            message = self._hidden(spoken(visible(line)))
            if message:
                messages.append(message)
            match patience.over(message):
                case (Trouble.DAMAGE, file):
                    raise Damaged(f"{self.site.name} is damaged: its file {file} is not there, or not whole")
                case (_, _):
                    raise _GaveUpError(tuple(messages))

        with ExitStack() as ours, ExitStack() as given:
            errors, errors_end = _pipe(ours, given)
            sources: dict[int, Hear] = {errors: listen}
            stdout = streams.stdout
            if hear is not None:
                output, stdout = _pipe(ours, given)
                sources[output] = hear
            program = Program(command, stdin=streams.stdin, stdout=stdout, stderr=errors_end)
            with self.site.tools.processes.piped((program,), stop) as running:
                given.close()
                _listen(sources)
        return running.completed[0], messages

    def _hidden(self, message: str) -> str:
        """Return a message without what is nobody's business: the location may hold a password."""
        if self.site.directory is None:
            message = message.replace(self.site.location, self.site.name)
        for secret in self._secrets:
            message = message.replace(secret, "[hidden]")
        return message

    def _surroundings(self) -> Mapping[str, str]:
        site = self.site
        private.require(site.password_file, "the password file")
        given = private.variables(site.environment_file) if site.environment_file else {}
        self._secrets = tuple(value for value in given.values() if len(value) >= _SECRET)
        if not site.looking:
            site.make_places()
        return {
            "PATH": _path(),
            "HOME": os.environ.get("HOME", "/root"),
            "LC_ALL": "C",
            **({} if site.looking else {"TMPDIR": site.tools.scratch, "RESTIC_CACHE_DIR": site.cache}),
            **given,
            "RESTIC_REPOSITORY": site.location,
            "RESTIC_PASSWORD_FILE": site.password_file,
            "RESTIC_PROGRESS_FPS": "1",
        }

    def _made(self, argv: tuple[str, ...], environment: Mapping[str, str], timeout: float) -> Command:
        return Command(
            argv=argv,
            user=None,
            environment=environment,
            directory="/",
            timeout=timeout,
            grace=_GRACE,
            output_limit=1 << 16,
        )


def _pipe(ours: ExitStack, given: ExitStack) -> tuple[int, int]:
    """Make a pipe; its reading end is closed with ours, the writing end with what is given away."""
    reading, writing = os.pipe()
    ours.callback(os.close, reading)
    given.callback(os.close, writing)
    return reading, writing


def _path() -> str:
    return os.environ.get("PATH", _PATH)


def _listen(sources: Mapping[int, Hear]) -> None:
    """Given who hears the lines of which descriptor, read them all to their ends."""
    with selectors.DefaultSelector() as selector:
        begun = dict.fromkeys(sources, b"")
        for descriptor in sources:
            selector.register(descriptor, selectors.EVENT_READ)
        while selector.get_map():
            for key, _ in selector.select():
                chunk = os.read(key.fd, _CHUNK)
                *lines, begun[key.fd] = (begun[key.fd] + chunk).split(b"\n")
                for line in lines:
                    sources[key.fd](line)
                if not chunk:
                    selector.unregister(key.fd)
                    if begun[key.fd]:
                        sources[key.fd](begun[key.fd])
