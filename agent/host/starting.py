"""Starts a command as a child, in a session of its own, as its user, and says why where it cannot be."""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
from collections.abc import Callable

from agent.errors import RunFailed
from agent.host.output import visible
from agent.host.run_process import MARKER
from agent.host.users import Account
from agent.ports import Command

_PIPE_BYTES = 1 << 20
_UMASK = 0o022
"""What commands are used to; the agent's own is stricter."""


def start(
    command: Command,
    who: Account,
    fence: Callable[[], object] | None,
    *,
    stdin: int | None,
    stdout: int,
    stderr: int,
) -> subprocess.Popen[bytes]:
    """Given a command and who it runs as, start it; `fence` is called in the child before the program begins.

    The three are descriptors, or words of `subprocess`; None for `stdin` is an empty input. Raises RunFailed.
    """
    environment = dict(command.environment)
    if MARKER in os.environ:
        environment[MARKER] = os.environ[MARKER]
    switch = who.uid != os.geteuid()
    try:
        return subprocess.Popen(
            command.argv,
            stdin=subprocess.DEVNULL if stdin is None else stdin,
            stdout=stdout,
            stderr=stderr,
            bufsize=0,
            cwd=command.directory,
            env=environment,
            start_new_session=True,
            umask=_UMASK,
            user=who.uid if switch else None,
            group=who.gid if switch else None,
            extra_groups=who.groups if switch else None,
            preexec_fn=fence,  # noqa: PLW1509 - the one thread beside takes no lock that a fence needs
        )
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise RunFailed(_why_not(command, who, error)) from error


def listen(descriptor: int) -> None:
    """Given the reading end of a command's output, make it roomy, and reading it never wait."""
    os.set_blocking(descriptor, False)
    # A roomier pipe saves switches between a talkative command and us; the kernel may say no.
    with contextlib.suppress(OSError):
        fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


def _why_not(command: Command, who: Account, error: Exception) -> str:
    program = visible(command.argv[0])
    if not os.path.isdir(command.directory):
        return f"cannot run {program}: the working directory {visible(command.directory)} does not exist"
    if isinstance(error, FileNotFoundError):
        return f"cannot run {program}: there is no such program, or its interpreter is missing"
    if isinstance(error, PermissionError):
        return f"cannot run {program} as {who.name} in {visible(command.directory)}: permission denied"
    return f"cannot run {program}: {getattr(error, 'strerror', None) or error}"
