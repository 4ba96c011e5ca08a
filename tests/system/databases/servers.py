"""What the servers of both engines have in common: who they run as, how they are started, asked and ended."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

ENVIRONMENT = {"LC_ALL": "C", "PATH": os.environ.get("PATH", os.defpath), "HOME": "/nonexistent"}
PASSWORD = "pa:ss\\wo'r\"d #1 \u00e4"
"""The password of `keeper`, with everything that files of passwords have to write in another way."""
_READY_SECONDS = 60.0


class Server(Protocol):
    """A server at work. Every account is a superuser.

    `engine` names its driver. `admin` needs no password by the socket; `keeper` always needs PASSWORD, which is in the
    file `password_file`; the login name `owner` is let in by the socket as itself and nobody else.
    """

    engine: str
    owner: str
    port: int
    socket: str
    password_file: str

    def sql(self, text: str, database: str = "") -> list[str]:
        """Run statements as `admin`; return the lines of the answer, fields parted by tabs. Fails on any error."""
        ...

    def settings(self, database: str, *, by: str = "admin", tcp: bool = False) -> dict[str, Any]:
        """Return what a policy says of a database here, completed; `by` is `admin`, `keeper` or `owner`."""
        ...

    def create(self, database: str) -> None:
        """Make an empty database, whatever its name."""
        ...

    def drop(self, database: str) -> None:
        """Remove a database if it is there."""
        ...


def who() -> pwd.struct_passwd:
    """Return whom servers run as: this user, or for root nobody, as servers want no root."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())


def program(name: str) -> str:
    """Return the path of a command of a database, wherever Debian or `tools/debs.sh` has put it."""
    places = [*sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True), ENVIRONMENT["PATH"]]
    found = shutil.which(name, path=":".join([*places, "/usr/sbin"]))
    assert found is not None, f"there is no {name}; `sh tools/debs.sh tests/apt.txt .cache/tools` fetches it"
    return found


def run(argv: Sequence[str], environment: Mapping[str, str] = ENVIRONMENT, text: str = "") -> str:
    """Run a command as this user; return what it printed. Its failure is the test's, with what it said."""
    done = subprocess.run(argv, env=environment, input=text.encode(), capture_output=True, check=False, cwd="/")
    assert done.returncode == 0, f"{argv}: {done.stderr.decode(errors='replace')}"
    return done.stdout.decode()


def run_as_owner(argv: Sequence[str], temporary: Path | None = None) -> None:
    """Run a command as whom servers run as; `temporary` is a directory for its temporary files.

    Servers of MariaDB that start remove those of others from a directory that they share.
    """
    environment = {**ENVIRONMENT, "TMPDIR": str(temporary or "/tmp")}
    done = subprocess.run(_as_owner(argv), env=environment, capture_output=True, check=False, cwd="/")
    assert done.returncode == 0, f"{argv}: {done.stdout.decode()}{done.stderr.decode()}"


def _as_owner(argv: Sequence[str]) -> list[str]:
    user = who()
    change = ["--reuid", str(user.pw_uid), "--regid", str(user.pw_gid), "--clear-groups"] if os.geteuid() == 0 else []
    return ["setpriv", *change, "--pdeathsig", "QUIT", *argv]


@contextlib.contextmanager
def place(prefix: str) -> Iterator[Path]:
    """A directory that belongs to whom servers run as and that everybody may enter; short, for paths of sockets."""
    with tempfile.TemporaryDirectory(prefix=prefix, dir="/tmp", ignore_cleanup_errors=True) as name:
        made = Path(name)
        made.chmod(0o755)
        if os.geteuid() == 0:
            os.chown(made, who().pw_uid, who().pw_gid)
        yield made


@contextlib.contextmanager
def serving(argv: Sequence[str], log: Path, ready: Sequence[str], *, end: signal.Signals) -> Iterator[int]:
    """Run a server as whom servers run as; yield its id once the command `ready` succeeds, and end it afterwards.

    It also ends when the process of the tests does.
    """
    with log.open("wb") as output:
        server = subprocess.Popen(
            _as_owner(argv), env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd="/"
        )
    try:
        _until_ready(server, ready, log)
        yield server.pid
    finally:
        server.send_signal(end)
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _until_ready(server: subprocess.Popen[bytes], ready: Sequence[str], log: Path) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while subprocess.run(ready, env=ENVIRONMENT, capture_output=True, check=False, cwd="/").returncode:
        assert server.poll() is None, f"the server did not start: {log.read_text(errors='replace')}"
        assert time.monotonic() < deadline, f"the server does not answer: {log.read_text(errors='replace')}"
        time.sleep(0.02)


def free_port() -> int:
    """Return a port of the loopback that nobody listens at just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def password_file(directory: Path) -> str:
    """Write PASSWORD to a file that only this user may read; return its path."""
    path = directory / "password"
    path.write_text(PASSWORD + "\n", encoding="utf-8")
    path.chmod(0o600)
    return str(path)
