"""Secrets by name, as systemd hands them to a service (systemd.exec(5), CREDENTIALS), and lent to commands.

`LoadCredential=NAME:FILE` in the agent's unit puts a file where root alone finds it. A run is given the ones that its
task names, and a command finds those in a directory of its own for as long as it runs.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from agent.errors import RunFailed
from agent.host.users import Account

DIRECTORY = "CREDENTIALS_DIRECTORY"
"""Environment variable with the directory: of the agent and of a run by systemd, of a command by `lent`."""

RUNTIME = "RUNTIME_DIRECTORY"
OF_UNIT = "/run/credentials/hostkeeper.service"
"""Where the agent's own are while it is up, for runs that are made by hand."""

_SHARED = "/dev/shm"  # noqa: S108 - a directory of ours is made there, and never lands on a disk


def path(name: str, environ: Mapping[str, str] = os.environ) -> str:
    """Given a credential's name, return where its file is if there is one."""
    return os.path.join(environ.get(DIRECTORY) or OF_UNIT, name)


@contextmanager
def lent(names: Sequence[str], who: Account, environ: Mapping[str, str] = os.environ) -> Iterator[dict[str, str]]:
    """While this is entered, a user finds the named credentials; yields the variable that says where.

    Raises RunFailed when one is not there.
    """
    if not names:
        yield {}
        return
    place = os.path.join(environ.get(RUNTIME) or _SHARED, f"hostkeeper-credentials-{os.getpid()}")
    os.mkdir(place, 0o700)
    lying = [os.path.join(place, name) for name in names]
    try:
        for name, copy in zip(names, lying, strict=True):
            _copy(name, path(name, environ), copy, who)
        # The directory stays root's, so that it can be emptied; by name, its user finds what is in it.
        os.chmod(place, 0o711)  # noqa: S103 - the files in it are their user's alone
        yield {DIRECTORY: place}
    finally:
        for copy in lying:
            if os.path.lexists(copy):
                os.unlink(copy)
        os.rmdir(place)


def _copy(name: str, source: str, copy: str, who: Account) -> None:
    try:
        with open(source, "rb") as file:
            data = file.read()
    except (FileNotFoundError, PermissionError) as error:
        raise RunFailed(
            f"there is no credential {name}: add LoadCredential={name}:FILE to the agent's unit "
            "(systemctl edit hostkeeper), and restart it"
        ) from error
    made = os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o400)
    try:
        os.write(made, data)
        if who.uid != os.geteuid():
            os.fchown(made, who.uid, who.gid)
    finally:
        os.close(made)
