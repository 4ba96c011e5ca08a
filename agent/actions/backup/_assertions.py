"""What a policy demands of a restored backup: answers of its databases, files that are there, programs that agree."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from agent.actions.backup._comparing import shown
from agent.errors import RunFailed
from agent.ports import Command, Context

RESTORED = "HOSTKEEPER_RESTORED"
"""The variable that names the directory of the restored tree."""

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_SHOWN = 200

Assertion = Mapping[str, Any]
"""One assertion with the keys of its schema; those that were not given are None."""


def require_sense(assertions: Sequence[Assertion]) -> None:
    """Raise RunFailed when an expression of the assertions is none."""
    for one in assertions:
        try:
            re.compile(one["matches"] or "")
        except re.error as error:
            raise RunFailed(f"{one['matches']!r} is no regular expression: {error}; mend it in the policy") from error


def asked_of(assertions: Sequence[Assertion]) -> dict[str, list[Assertion]]:
    """Return the assertions that are queries, by the database that is asked."""
    found: dict[str, list[Assertion]] = {}
    for one in assertions:
        if one["sql"] is not None:
            found.setdefault(one["database"], []).append(one)
    return found


def answered(query: Callable[[str], str], assertions: Sequence[Assertion]) -> list[str]:
    """Given what asks a database, return a sentence for each answer that is not as it must be."""
    wrong = []
    for one in assertions:
        try:
            answer = query(one["sql"])
        except RunFailed as error:
            wrong.append(f"{one['database']}: {one['sql']!r} failed: {error}")
            continue
        why = _unwanted(one, answer)
        if why:
            wrong.append(f"{one['database']}: {one['sql']!r} gives {answer[:_SHOWN]!r}, which {why}")
    return wrong


def _unwanted(one: Assertion, answer: str) -> str:
    """Return why an answer is not as it must be, "" if it is."""
    equals, least, matches = one["equals"], one["at_least"], one["matches"]
    number = _number(answer)
    if equals is not None and answer != str(equals) and (isinstance(equals, str) or number != equals):
        return f"is not {equals}"
    if least is not None and (number is None or not number >= least):
        return f"is not at least {least}"
    if matches is not None and not re.search(matches, answer):
        return f"does not match {matches}"
    if equals is None and least is None and matches is None and not answer:
        return "says nothing"
    return ""


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def met(ctx: Context, root: str, assertions: Sequence[Assertion]) -> list[str]:
    """Hold the files that must be there and the programs that must agree against a restored tree, as `answered`."""
    wrong = []
    for one in assertions:
        if one["exists"] is not None:
            wrong += _missing(root, one)
        elif one["command"] is not None:
            wrong += _refused(ctx, root, one)
    return wrong


def _missing(root: str, one: Assertion) -> list[str]:
    path = os.fsencode(one["exists"])
    try:
        about = os.lstat(os.fsencode(root) + path)
    except OSError as error:
        return [f"{shown(path)} must be there: {error.strerror}"]
    least = one["min_size"] or 0
    if about.st_size < least:
        return [f"{shown(path)} has {about.st_size:,} bytes, and must have at least {least:,.0f}"]
    return []


def _refused(ctx: Context, root: str, one: Assertion) -> list[str]:
    command = Command(
        argv=tuple(one["command"]),
        user=None,
        environment={"PATH": _PATH, "LANG": "C.UTF-8", "HOME": "/", RESTORED: root},
        directory=root,
        timeout=one["timeout"],
        grace=10.0,
        output_limit=65_536,
    )
    line = shlex.join(command.argv)
    try:
        completed = ctx.processes.run(command, ctx.stopping)
    except RunFailed as error:
        return [str(error)]
    ctx.checkpoint()
    if completed.code == 0 and not completed.timed_out:
        return []
    end = "took too long" if completed.timed_out else f"ended with exit code {completed.code}"
    last = " ".join(completed.output.split())[-_SHOWN:]
    return [f"{line} {end}" + (f": {last}" if last else "")]
