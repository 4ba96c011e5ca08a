"""Asking tools of the host that only look, for what the agent shows to people."""

from __future__ import annotations

import subprocess
from collections.abc import Collection, Sequence

from agent.host.units import call

SECONDS = 10.0


def output_of(
    argv: Sequence[str], *, codes: Collection[int] | None = (0,), seconds: float = SECONDS
) -> tuple[str, str]:
    """Given a tool with its arguments, return what it prints, and why that is not to be had, "" when it is.

    It may take `seconds`; `codes` are the exit codes that mean success, None for any.
    """
    try:
        done = call(argv, seconds)
    except OSError as error:
        return "", f"{argv[0]}: {error.strerror}"
    except subprocess.TimeoutExpired:
        return "", f"{argv[0]} did not answer within {seconds:.0f} s"
    if codes is not None and done.returncode not in codes:
        return "", f"{argv[0]}: {done.stderr.strip() or f'exit code {done.returncode}'}"
    return done.stdout, ""


def name_of(pid: int) -> str:
    """Given the id of a process, return its name and id, or the id alone when it is gone."""
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
            return f"{file.read().strip()} ({pid})"
    except OSError:
        return str(pid)
