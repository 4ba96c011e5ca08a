"""PostgreSQL's programs: which of the versions that a host may have is right for a server or a copy."""

from __future__ import annotations

import os
import re

from agent.drivers import asking
from agent.drivers.database import Tools
from agent.errors import RunFailed
from agent.host.programs import Program, find
from agent.host.users import account

_VERSIONS = "/usr/lib/postgresql"
ANY = 0
"""As good as any other version."""

_versions: dict[Program, int] = {}
"""What files have said of themselves; one that was replaced is another."""

_CHOOSER = "pg_wrapper"
"""Debian's script of every program's name, which guesses a version by the clusters of the host."""


def major(version: str) -> int:
    """Given a version as a server or a program says it, return what counts for copies: 15 of `15.18 (Debian)`."""
    found = re.search(r"\d+", version)
    return int(found[0]) if found else 0


def places() -> list[str]:
    """Return where programs of PostgreSQL are looked for, in order: the PATH, then Debian's places, newest first."""
    try:
        versions = sorted((name for name in os.listdir(_VERSIONS) if name.isdigit()), key=int, reverse=True)
    except OSError:
        versions = []
    return [*asking.search_path().split(":"), *(f"{_VERSIONS}/{version}/bin" for version in versions)]


def program(tools: Tools, name: str, least: int, package: str) -> str:
    """Return the path of a program of the major version `least`, or else of the next above it; or of ANY.

    Raises RunFailed, naming the package to install, when there is none.
    """
    versions: dict[int, str] = {}
    for place in places():
        found = find(name, place, "/", account(None))
        if found.problem or os.path.basename(os.path.realpath(found.path)) == _CHOOSER:
            continue
        if least == ANY:
            return found.path
        version = _version(tools, found)
        versions.setdefault(version, found.path)
        if version == least:
            break
    fitting = sorted(version for version in versions if version >= least)
    if fitting:
        return versions[fitting[0]]
    wanted = package if least == ANY else f"{package}-{least}"
    if versions:
        raise RunFailed(
            f"{name} on this host is of version {max(versions)}, older than the {least} of the database: "
            f"install {wanted}"
        )
    raise RunFailed(f"there is no program {name} on this host: install {wanted}")


def _version(tools: Tools, found: Program) -> int:
    if found not in _versions:
        command = asking.command([found.path, "--version"], timeout=asking.SHORT)
        completed, output = asking.answer(tools, command)
        _versions[found] = major(output.decode("ascii", "replace").partition(")")[2]) if completed.code == 0 else 0
    return _versions[found]
