"""Generations of logs, and configurations of logrotate: ours, what is wrong with one, and which logs one names.

Source: logrotate(8) 3.21. What it complains of does not always change its exit code: an unknown directive is left out,
and a file that others may write to is ignored as a whole, both with 0.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from msgspec import Struct

from agent.rules.patterns import name_expression

_SCRIPTS = frozenset({"prerotate", "postrotate", "firstaction", "lastaction", "preremove"})
_SPEAKABLE = re.compile(r"/[^\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\"'\\*?\[\]{}]+")
_TOKEN = re.compile(r"\"([^\"]*)\"|'([^']*)'|([^\s{}\"']+)|([{}])")
_COMPLAINT = re.compile(r"(?:error: |Ignoring )")
_CONSIDERING = "considering log "
DATED = re.compile(r"-\d{8}-\d{10}")
"""What stands behind the name of a log in that of an older generation."""


class Wanted(Struct, frozen=True, kw_only=True):
    """How logs are rotated. `min_size` is bytes, `max_age` days; `compress` is the path of a program and its ending.

    `create` is mode, user and group of the new log as logrotate takes them, "" for those of the old one. `su` is the
    user and the group that own the directory, where that is not root's alone.
    """

    keep: int
    min_size: int
    max_age: int | None
    compress: tuple[str, str] | None
    copy: bool
    create: str
    su: str


def speakable(path: str) -> bool:
    """Tell whether a path can stand in a configuration without being taken for something else."""
    return _SPEAKABLE.fullmatch(path) is not None


def configuration(logs: Sequence[tuple[str, Wanted]]) -> str:
    """Given the paths of logs and how each is rotated, return the configuration. Every path must be speakable."""
    made = []
    for path, wanted in logs:
        if not speakable(path):
            raise ValueError(f"{path!r} cannot stand in a configuration")
        lines = [f"rotate {wanted.keep}", f"size {wanted.min_size}", "dateext", "dateformat -%Y%m%d-%s"]
        lines += ["missingok", "notifempty", "nomail", "noolddir", "nosharedscripts"]
        lines += [f"maxage {wanted.max_age}"] if wanted.max_age is not None else []
        lines += [f"su {wanted.su}"] if wanted.su else []
        lines += ["copytruncate"] if wanted.copy else [f"create {wanted.create}".rstrip()]
        if wanted.compress is None:
            lines.append("nocompress")
        else:
            program, ending = wanted.compress
            # A writer may go on in the old file for a while: it is compressed when it is the last but one.
            lines += ["compress", "delaycompress", f"compresscmd {program}", f"compressext {ending}"]
            lines.append("compressoptions -q" if ending == ".zst" else "compressoptions -6")
        made.append(f'"{path}" {{\n' + "".join(f"    {line}\n" for line in lines) + "}\n")
    return "".join(made)


def complaints(output: str) -> list[str]:
    """Given what logrotate printed, return the lines in which it complains."""
    return [line.strip() for line in output.splitlines() if _COMPLAINT.match(line)]


def considered(output: str) -> set[str]:
    """Given what logrotate printed with `-d` or `-v`, return the logs that it looked at."""
    return {line.removeprefix(_CONSIDERING).strip() for line in output.splitlines() if line.startswith(_CONSIDERING)}


def named_in(text: str) -> Iterator[tuple[int, str]]:
    """Given a configuration, yield the logs that it names, patterns included, each with its line.

    A file or directory that it includes comes as `include ` and its path.
    """
    depth, script = 0, False
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if script or not words or words[0].startswith("#"):
            script = script and words[:1] != ["endscript"]
            continue
        if depth and words[0] in _SCRIPTS:
            script = True
            continue
        if not depth and words[0] == "include" and len(words) > 1:
            yield number, f"include {words[1]}"
            continue
        for quoted, single, plain, brace in _TOKEN.findall(line):
            token = quoted or single or plain
            if brace:
                depth += 1 if brace == "{" else -1
            elif not depth and token.startswith("/"):
                yield number, token


def names(pattern: str, path: str) -> bool:
    """Tell whether a pattern of logrotate names a path: name by name, as glob(7) does."""
    one, other = pattern.split("/"), path.split("/")
    return len(one) == len(other) and all(
        re.fullmatch(name_expression(part), name, re.DOTALL) for part, name in zip(one, other, strict=True)
    )


class Generation(Struct, frozen=True):
    """An older generation of a log: its name, its size in bytes and when it was last written to."""

    name: str
    bytes: int
    modified: float


def outlived(
    log: str, found: Sequence[Generation], *, keep: int, max_age: int | None, ending: str, now: float
) -> list[Generation]:
    """Given the name of a log that is to be rotated and the files beside it, return those that logrotate deletes."""
    ours = sorted(
        (one for one in found if _dated(log, one.name, ending)), key=lambda one: one.name.removesuffix(ending)
    )
    too_many = max(0, len(ours) - keep + 1)
    return [
        one
        for number, one in enumerate(ours)
        if number < too_many or (max_age is not None and now - one.modified > max_age * 86400)
    ]


def _dated(log: str, name: str, ending: str) -> bool:
    rest = _rest(log, name)
    return DATED.fullmatch(rest.removesuffix(ending) if ending else rest) is not None


def _rest(log: str, name: str) -> str:
    return name.removeprefix(log) if name.startswith(log) else ""


def outlived_by_us(
    log: str, found: Sequence[Generation], *, keep: int, max_age: int | None, ending: str, now: float
) -> list[Generation]:
    """Given what `outlived` is given, return the files that our own rotation deletes.

    They are of the same generations. One that is there both plain and packed is one generation, whose plain file
    counts, and an empty plain one is none: rotation that was killed leaves both.
    """
    dated = [one for one in found if _dated(log, one.name, ending)]
    left = [one for one in dated if not one.bytes and DATED.fullmatch(_rest(log, one.name))]
    files: dict[str, list[Generation]] = {}
    for one in sorted(dated, key=lambda one: one.name):
        if one not in left:
            whole = one.name.removesuffix(ending) if ending else one.name
            files.setdefault(whole, []).append(one)
    ages = [Generation(whole, 0, ones[0].modified) for whole, ones in files.items()]
    gone = outlived(log, ages, keep=keep, max_age=max_age, ending=ending, now=now)
    return [*left, *(file for one in gone for file in files[one.name])]


def to_pack(log: str, found: Sequence[Generation]) -> list[str]:
    """Given the name of a log and the files beside it, return its plain generations, the oldest first."""
    return sorted(one.name for one in found if one.bytes and DATED.fullmatch(_rest(log, one.name)))


def dated(now: datetime) -> str:
    """Given an instant, return what stands behind the name of a log in that of the generation that is made then."""
    utc = now.astimezone(UTC)
    return f"-{utc:%Y%m%d}-{int(utc.timestamp())}"
