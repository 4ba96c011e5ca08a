"""Commands for tests."""

from __future__ import annotations

import os
import sys

from agent.ports import Command

PATH = os.environ["PATH"]


def command(*argv: str, word: str = "", **changes: object) -> Command:
    fields: dict[str, object] = {
        "argv": argv,
        "user": None,
        "environment": {"PATH": PATH, "WORD": word},
        "directory": "/",
        "timeout": 20.0,
        "grace": 5.0,
        "output_limit": 10_000,
    }
    return Command(**(fields | changes))  # type: ignore[arg-type]  # a table of fields, checked where it is used


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-I", "-S", "-c", code)


def never() -> bool:
    return False
