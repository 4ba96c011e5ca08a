"""The budget: no file past 300 lines and no function past 40 without a reason in `lengths.txt`."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

FILE_LINES = 300
FUNCTION_LINES = 40
EXCEPTIONS = Path(__file__).with_name("lengths.txt")


def exceptions(text: str) -> dict[str, str]:
    """Given the lines `path[:function] | reason`, return the reasons."""
    entries = (line.partition(" | ") for line in text.splitlines() if line.strip() and not line.startswith("#"))
    return {what.strip(): reason.strip() for what, _, reason in entries}


def measure(name: str, text: str) -> Iterator[tuple[str, int, int]]:
    """Given a Python file, yield what is past its budget: `path` or `path:function`, its lines, its budget."""
    lines = len(text.splitlines())
    if lines > FILE_LINES:
        yield name, lines, FILE_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
            lines = node.end_lineno - node.lineno + 1
            if lines > FUNCTION_LINES:
                yield f"{name}:{node.name}", lines, FUNCTION_LINES


def check(sources: Mapping[str, str], reasons: Mapping[str, str]) -> Iterator[str]:
    """Given Python files by name and the granted exceptions, yield what is too long and what needs no exception."""
    long = {what: (lines, budget) for name, text in sources.items() for what, lines, budget in measure(name, text)}
    for what, (lines, budget) in sorted(long.items()):
        if not reasons.get(what):
            yield f"{what}: {lines} lines, the budget is {budget}: split it, or give a reason in {EXCEPTIONS.name}"
    for what in sorted(set(reasons) - set(long)):
        yield f"{EXCEPTIONS.name}: {what} is within its budget: remove the line"
