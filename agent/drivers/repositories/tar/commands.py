"""The programs of this driver: tar, zstd, age and gpg, what they are given, and which of them are good enough."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable

from agent.errors import RunFailed
from agent.host.output import visible
from agent.ports import Command, Completed, Processes

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_GRACE = 5.0
_OUTPUT = 1 << 20
_LAST_LINES = 3

_LEAST = {"tar": ("GNU tar", (1, 29)), "zstd": ("Zstandard", (1, 4)), "age": ("", (1, 0)), "gpg": ("GnuPG", (2, 2))}
"""What the first line of `--version` says, and the least version: tar 1.29 finds holes by SEEK_HOLE."""

_PACKAGES = {"tar": "tar", "zstd": "zstd", "age": "age", "gpg": "gnupg"}
_ASYNCIO = (1, 5, 3)
_VERSION = re.compile(r"v?(\d+)\.(\d+)(\.\d+)?")


def make(*argv: str) -> Command:
    """Given an argument list, return the command: as the agent's own user, in the C locale, without a time limit."""
    return Command(
        argv=argv,
        user=None,
        environment={"PATH": os.environ.get("PATH", _PATH), "LC_ALL": "C"},
        directory="/",
        timeout=math.inf,
        grace=_GRACE,
        output_limit=_OUTPUT,
    )


def versions(processes: Processes, programs: Iterable[str]) -> dict[str, str]:
    """Given names of programs, return their versions. Raises RunFailed for one that is missing or too old."""
    return {name: _version(processes, name) for name in programs}


def _version(processes: Processes, name: str) -> str:
    brand, least = _LEAST[name]
    advice = f"install {brand or name} {least[0]}.{least[1]} or newer (on Debian: apt install {_PACKAGES[name]})"
    try:
        completed = processes.run(make(name, "--version"), lambda: False)
    except RunFailed as error:
        raise RunFailed(f"{error}: {advice}") from error
    first = completed.output.partition("\n")[0]
    match = _VERSION.search(first)
    if completed.code != 0 or brand not in first or match is None:
        raise RunFailed(f"{name} is not the one that is needed, it says {first[:100]!r}: {advice}")
    if (int(match[1]), int(match[2])) < least:
        raise RunFailed(f"{name} {match[0]} is too old: {advice}")
    return match[0].removeprefix("v")


def words(completed: Completed) -> str:
    """Return the last words of a program for a message, on one line."""
    return visible("; ".join(completed.output.strip().splitlines()[-_LAST_LINES:])) or f"exit code {completed.code}"


def compressing(level: int, threads: int, version: str) -> Command:
    """Given a level, how many threads may work, and which zstd there is, return it from its input to its output.

    No threads is to do everything in turn, which takes the least memory.
    """
    beyond = ("--ultra",) if level > 19 else ()
    # Beside one thread that compresses, others that only read and write cost more than they bring.
    alone = threads == 1 and tuple(map(int, version.split("."))) >= _ASYNCIO
    how = (f"-T{threads}" if threads else "--single-thread", *(("--no-asyncio",) if alone else ()))
    return make("zstd", "-q", "-c", f"-{level}", *beyond, *how, "-")


def decompressing() -> Command:
    """Return zstd back from its input to its output. It uses up to 2 GiB of memory for what was made at high levels."""
    return make("zstd", "-q", "-d", "-c", "--long=31", "-")
