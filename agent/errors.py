"""Everything the agent tells a person it could not do.

AgentError                  the base: a sentence for a person, and the exit code it ends with
├── PolicyError             policies or configuration are wrong; carries every mistake found
├── Refused                 the agent declined: limit, hold, window, drift; carries the reason
├── RunFailed               a run ended in failure
├── StoreError              the store cannot be opened, read or trusted
├── BadArgument             what a command is given is wrong in a way that only it can see: an argument, the host's zone
├── AlreadyRunning          another agent holds the state directory
└── NotFound                a task, run, action or object of that name does not exist

Whatever else is raised is a bug: it ends with its trace and exit code 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntEnum

from msgspec import Struct


class ExitCode(IntEnum):
    """Exit codes of every command; documented in docs/reference/exit-codes.md."""

    OK = 0
    BUG = 1
    USAGE = 2
    POLICY = 3
    RUN_FAILED = 4
    REFUSED = 5
    STORE = 6
    ALREADY_RUNNING = 7
    NOT_FOUND = 8
    UNHEALTHY = 9
    ALTERED = 10
    INTERRUPTED = 130


EXIT_MEANINGS: Mapping[ExitCode, str] = {
    ExitCode.OK: "Done.",
    ExitCode.BUG: "A fault of the program itself; the trace is for its authors.",
    ExitCode.USAGE: "The command line is wrong; `--help` shows what is right. Or the host's time zone is: `TZ`, or "
    "`/etc/localtime`.",
    ExitCode.POLICY: "Policies or `agent.yaml` have mistakes; each is printed with its place.",
    ExitCode.RUN_FAILED: "The run failed; `hostkeeper why RUN` says how.",
    ExitCode.REFUSED: "Declined before anything was touched: a limit, a hold, a window, or a plan that no longer fits.",
    ExitCode.STORE: "The state directory cannot be opened, read or trusted, or this user may not look into it.",
    ExitCode.ALREADY_RUNNING: "Another agent holds the state directory.",
    ExitCode.NOT_FOUND: "No task, run, action or object of that name; to `hostkeeper reload`, no agent.",
    ExitCode.UNHEALTHY: "Something needs a person: `hostkeeper status` says what. A reload did not end in time, or the "
    "disk that the output goes to is full.",
    ExitCode.ALTERED: "`hostkeeper history verify` found that the history is not what was written, or not all of it.",
    ExitCode.INTERRUPTED: "Interrupted from the keyboard.",
}
"""What each exit code means, for the reference."""


class Mistake(Struct, frozen=True, order=True):
    """One mistake in a file: where it stands, what is wrong and what would be right.

    `line` and `column` count from 1; 0 means the mistake concerns the file as a whole.
    `path` is the dotted way to the value, such as `tasks.clean-tmp.with.max_age`.
    """

    file: str
    line: int
    column: int
    path: str
    wrong: str
    right: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}"
        return ": ".join(part for part in (where, self.path, self.wrong, self.right) if part)


class AgentError(Exception):
    """A failure meant for a person; `str()` is the whole message."""

    code: ExitCode = ExitCode.BUG


class PolicyError(AgentError):
    """Policies or configuration that cannot be put in force, with every mistake found."""

    code = ExitCode.POLICY

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = tuple(sorted(mistakes))
        super().__init__("\n".join(map(str, self.mistakes)))


class Refused(AgentError):
    """The agent declined to act; `reason` is a value of `agent.model.Reason`."""

    code = ExitCode.REFUSED

    def __init__(self, reason: str, message: str) -> None:
        self.reason = reason
        super().__init__(message)


class RunFailed(AgentError):
    """A run, or one step of it, failed."""

    code = ExitCode.RUN_FAILED


class StoreError(AgentError):
    """The store cannot be opened, read or trusted."""

    code = ExitCode.STORE


class BadArgument(AgentError):
    """An argument of the command line, or a time zone of the environment, that only the command itself can judge."""

    code = ExitCode.USAGE


class AlreadyRunning(AgentError):
    """Another agent holds the state directory."""

    code = ExitCode.ALREADY_RUNNING


class NotFound(AgentError):
    """Nothing of that name exists."""

    code = ExitCode.NOT_FOUND
