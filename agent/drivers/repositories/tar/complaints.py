"""What GNU tar says of objects that it could not archive as they were: what is missing, and what it leaves out.

The sentences are those of its source (1.29 to 1.35, `create.c`, `misc.c`, `incremen.c`) in the C locale, with
`--quoting-style=escape`. What is not known here counts as missing: no word of tar's goes unheard.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

from agent.ports import Completed

MOST = 20
"""So many are told one by one, and the others counted."""

_HEALING = (
    (re.compile(r"file changed as we read it"), "{} changed while it was read"),
    (re.compile(r"File shrank by \d+ bytes?; padding with zeros"), "{} became shorter while it was read"),
    (re.compile(r"File removed before we read it"), "{} went away before it was read"),
    (re.compile(r"(?:Warning: )?Cannot \w+: No such file or directory"), "{} went away before it was read"),
)
"""The next backup has these again, or knows that they are gone."""

_LASTING = (
    (
        re.compile(r"(?:Warning: )?Read error at byte (\d+), while reading \d+ bytes?: (.*)"),
        "{} cannot be read from byte {} on: {}",
    ),
    (re.compile(r"(?:Warning: )?Cannot (?:open|stat|readlink|savedir|read|opendir): (.*)"), "{} cannot be read: {}"),
    (re.compile(r"(?:Warning: )?Cannot (.*)"), "{} is not complete: tar cannot {}"),
    (re.compile(r"Unknown file type; file ignored"), "{} is of a kind that tar does not know"),
)
_LEFT_OUT = (
    (re.compile(r"(?:socket|door) ignored"), "{} is a socket"),
    (re.compile(r"(?:file|directory) is on a different filesystem; not dumped"), "{} is on another file system"),
    (re.compile(r"file is the archive; not dumped"), "{} is the archive itself"),
    (re.compile(r"contains a cache directory tag .*; .* not dumped"), "{} is a cache"),
)
_SILENT = re.compile(
    r"(?:.*/)?tar: (?:Exiting with failure status due to previous errors|.*: Directory is new"
    r"|.*: file is unchanged; not dumped)"
)
_LINE = re.compile(r"(?:[^:]*/)?tar: (.*)", re.DOTALL)


class Complaints(Struct, frozen=True):
    """Sentences with paths in them: what is missing or wrong, and what is left out by rule.

    `unread` is that some of what is missing would be taken for unchanged by a backup that builds on this one.
    """

    flaws: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    unread: bool = False


def heard(tar: Completed) -> Complaints:
    """Given how tar ended, return what it says, at most `MOST` sentences of each and one that counts the others."""
    flaws, left_out = _Bounded(), _Bounded()
    unread = False
    lines = tar.output.splitlines()
    if tar.output_bytes > len(tar.output) + 2:
        # The first one kept may have lost its beginning.
        unread = True
        flaws.add(f"tar complained of so much that {tar.output_bytes - len(tar.output)} bytes of it were lost")
        lines = lines[1:]
    for line in lines:
        if _SILENT.fullmatch(line) or not line.strip():
            continue
        if sentence := _sentence(line, _LEFT_OUT):
            left_out.add(sentence)
        elif sentence := _sentence(line, _HEALING):
            flaws.add(sentence)
        else:
            flaws.add(_sentence(line, _LASTING) or f"tar says: {line[:500]}")
            unread = True
    if tar.code != 0 and not flaws.count:
        flaws.add(f"tar ended with code {tar.code} and did not say why")
        unread = True
    return Complaints(tuple(flaws.told()), tuple(left_out.told()), unread)


class _Bounded:
    def __init__(self) -> None:
        self.count = 0
        self._first: list[str] = []

    def add(self, sentence: str) -> None:
        self.count += 1
        if len(self._first) < MOST:
            self._first.append(sentence)

    def told(self) -> Iterator[str]:
        yield from self._first
        if self.count > len(self._first):
            yield f"and {self.count - len(self._first)} more"


def _sentence(line: str, table: tuple[tuple[re.Pattern[str], str], ...]) -> str:
    match = _LINE.fullmatch(line)
    if match is None:
        return ""
    told = match[1]
    # A name may have a colon in it: each one is tried as the end of the name.
    for colon in re.finditer(": ", told):
        for pattern, sentence in table:
            if found := pattern.fullmatch(told, colon.end()):
                return sentence.format(_path(told[: colon.start()]), *(found.groups() if "{}" in sentence[2:] else ()))
    return ""


def _path(name: str) -> str:
    """Return the path of a member's name as tar quotes it; backslashes in it are those of tar's quoting."""
    return "/" + name.removeprefix("./").strip("/")


def anonymous(complaints: Complaints) -> Complaints:
    """Return the same without a name in it, for whoever may not know names."""

    def counted(sentences: tuple[str, ...], what: str) -> tuple[str, ...]:
        more = re.fullmatch(r"and (\d+) more", sentences[-1]) if sentences else None
        count = len(sentences) + (int(more[1]) - 1 if more else 0)
        return (f"{count} {what}; the encrypted manifest names them",) if count else ()

    return Complaints(
        counted(complaints.flaws, "objects are missing or not as they were"),
        counted(complaints.left_out, "objects were left out"),
        complaints.unread,
    )
