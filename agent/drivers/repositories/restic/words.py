"""What restic's messages mean. Its exit codes tell little before 0.17, so the words count."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from enum import StrEnum

_LAST_LINES = 4
_LONGEST = 600


class Trouble(StrEnum):
    """What went wrong."""

    LOCKED = "locked"
    PASSWORD = "password"
    ABSENT = "absent"
    DAMAGE = "damage"
    SURROUNDINGS = "surroundings"


_CODES = {10: Trouble.ABSENT, 11: Trouble.LOCKED, 12: Trouble.PASSWORD}
"""The exit codes that say it by themselves, since restic 0.17."""

_TABLE: tuple[tuple[Trouble, re.Pattern[str]], ...] = (
    (Trouble.LOCKED, re.compile(r"already locked")),
    (Trouble.PASSWORD, re.compile(r"wrong password or no key found")),
    (Trouble.ABSENT, re.compile(r"unable to open config file: .*(not exist|no such file|not found|404)")),
    (
        Trouble.DAMAGE,
        re.compile(
            r"ciphertext verification failed|invalid data returned|does not match|hash mismatch|decrypting blob"
            r"|repository contains errors|could not load (snapshot|index)|not found in (the )?(index|repository)"
            r"|unexpected EOF|: does not exist|data/[0-9a-f]{10}.*no such file|does not have the expected|panic: "
            r"|unexpected file size|too short|error for tree"
        ),
    ),
    (
        Trouble.SURROUNDINGS,
        re.compile(
            r"no space left|disk quota|permission denied|operation not permitted|read-only file system|connection"
            r"|network|timeout|timed out|dial |lookup |tls:|x509|certificate|too many open files|cannot allocate"
            r"|out of memory|unable to open (config file|repository)|403|401|Access Denied|subprocess|no matching ID"
            r"|unknown (flag|command)|interrupt|ssh:|signal",
            re.IGNORECASE,
        ),
    ),
)

_VAGUE = re.compile(r"repository contains errors|returned error, retrying")

_HARMLESS = re.compile(r"^(unable to open cache|error (saving|removing) .*cache|created new cache|found \d+ old cache)")


def trouble(code: int, lines: Iterable[str]) -> Trouble:
    """Given the exit code of a program that failed and its messages, return what went wrong.

    What nothing explains is damage: nobody is told that a repository is well because restic found new words.
    """
    if code in _CODES:
        return _CODES[code]
    text = "\n".join(lines)
    return next((kind for kind, pattern in _TABLE if pattern.search(text)), Trouble.DAMAGE)


def unlockable(lines: Iterable[str]) -> bool:
    """Tell whether restic was kept from work because it may not write a lock, as on a disk that is only read."""
    return any(_NO_LOCK.search(line) and "already locked" not in line for line in lines)


def absent(pattern_of: Iterable[str]) -> bool:
    """Tell whether messages say for certain that there is no repository."""
    text = "\n".join(pattern_of)
    return "repository does not exist" in text or bool(dict(_TABLE)[Trouble.ABSENT].search(text))


def spoken(line: str) -> str:
    """Given a line of restic's messages, return what it says, empty for a line of Go's way to the error.

    Since 0.18 the last message of a command with `--json` is JSON, too.
    """
    if line.startswith('{"message_type":"exit_error"'):
        with suppress(ValueError):
            return str(json.loads(line).get("message", "")).partition("\n")[0]
    return "" if _TRACE.match(line) else line


def grave(lines: Iterable[str]) -> list[str]:
    """Return the messages that are more than news of restic's cache."""
    return [line for line in lines if line.strip() and not _HARMLESS.match(line)]


def last(lines: Sequence[str], code: int) -> str:
    """Return what a program said for a message, on one line: what damage it named, or else its last words."""
    named = [line for line in lines if dict(_TABLE)[Trouble.DAMAGE].search(line) and not _VAGUE.search(line)]
    told = "; ".join(line.strip() for line in named[:_LAST_LINES] or grave(lines)[-_LAST_LINES:])
    return told[:_LONGEST] or f"it ended with exit code {code} and no message"


_NO_LOCK = re.compile(r"unable to create lock|Save\(<lock/.*(read-only file system|permission denied|not permitted)")

_TRACE = re.compile(r"^(\t|\\x09|goroutine \d|(github\.com/|main\.|runtime\.)\S+)")

_AGAIN = re.compile(r"\w+\(<(?P<file>[^>]+)>.*returned error, retrying after [^:]*: (?P<why>.*)")
_MISSING = re.compile(r"no such file|does not exist|not found|status 404|NoSuchKey|not exist")
_SHORT = re.compile(r"EOF|invalid data returned|too short")
_HOPELESS = re.compile(r"read-only file system|permission denied|operation not permitted|no space left|quota exceeded")
_CERTAIN = ((_MISSING, Trouble.DAMAGE), (_SHORT, Trouble.DAMAGE), (_HOPELESS, Trouble.SURROUNDINGS))

_TIMES = 2
_TIMES_FAR = 6
"""How often restic may try again: a connection that broke looks like a file that ends too early."""


class Patience:
    """Hears messages of a program that tries again and again, for a quarter of an hour, what cannot succeed.

    `near` says that the repository is on this host.
    """

    def __init__(self, *, near: bool) -> None:
        self._tried: dict[str, int] = {}
        self._near = near

    def over(self, line: str) -> tuple[Trouble, str] | None:
        """Given the next message, return what is wrong with which file once it is certain, None as long as it is not.

        It is damage where a file is not there or too short, and the surroundings where none can be written.
        """
        found = _AGAIN.search(line)
        kind = next((kind for pattern, kind in _CERTAIN if found and pattern.search(found["why"])), None)
        if found is None or kind is None:
            return None
        self._tried[found["file"]] = self._tried.get(found["file"], 0) + 1
        times = _TIMES_FAR if not self._near and _SHORT.search(found["why"]) else _TIMES
        return (kind, found["file"]) if self._tried[found["file"]] >= times else None
