"""Files that hold secrets: read only when nobody else could have read or written them."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping

from agent.errors import RunFailed
from agent.host.secrets import exposure

_MOST = 1 << 20
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def require(path: str, what: str) -> None:
    """Given the path of a file and what it is, raise RunFailed unless it is there and its owner's alone."""
    os.close(_opened(path, what))


def variables(path: str) -> Mapping[str, str]:
    """Given a file with lines `NAME=value`, return them; empty lines and those that begin with `#` say nothing.

    Values are taken as they stand, without quotes being removed. Raises RunFailed, which never shows a value.
    """
    with os.fdopen(_opened(path, "the environment file"), "rb") as file:
        content = file.read(_MOST + 1)
    if len(content) > _MOST:
        raise RunFailed(f"{path} is larger than {_MOST} bytes: it is no file of environment variables")
    found = {}
    for number, line in enumerate(content.decode("utf-8", "surrogateescape").split("\n"), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, equals, value = line.strip().partition("=")
        if not equals or not _NAME.fullmatch(name) or "\0" in value:
            raise RunFailed(f"{path}:{number}: not a line NAME=value")
        found[name] = value
    return found


def _opened(path: str, what: str) -> int:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise RunFailed(f"cannot read {what} {path}: {error.strerror}") from error
    about = os.fstat(descriptor)
    wrong = exposure(about) if stat.S_ISREG(about.st_mode) else "is no file"
    if wrong:
        os.close(descriptor)
        raise RunFailed(f"{what} {path} {wrong}")
    return descriptor
