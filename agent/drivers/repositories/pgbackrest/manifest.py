"""The files in which pgBackRest keeps what it knows: their own checksums, and the manifest of a backup.

They are written twice, the second time as `.copy`. Their form is that of pgBackRest's `src/info/info.c`: sections of
`key=JSON`, and at the end the SHA-1 of all that as one JSON object in the order of the file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

_VALUES = '"[{-0123456789tfn'
"""What a JSON value begins with: keys may hold the sign that parts them."""

_EXTENSIONS = {"none": "", "gz": ".gz", "bz2": ".bz2", "lz4": ".lz4", "zst": ".zst"}


class Unreadable(Exception):
    """A file that is not what pgBackRest wrote; the text says how that is known."""


class Stored(Struct, frozen=True):
    """One file of a server in a repository: `path` is the one in its backup's directory, `backup` whose that is.

    `end` is the least size of the file at that path; `whole` that nothing else is in it.
    """

    name: str
    backup: str
    path: str
    end: int
    whole: bool
    size: int


class Manifest(Struct, frozen=True):
    """What a backup consists of. `directory` is where the server had its files, `targets` all its places."""

    label: str
    directory: str
    targets: Mapping[str, Mapping[str, Any]]
    files: tuple[Stored, ...]


Sections = Mapping[str, Mapping[str, str]]


def sections(content: bytes) -> Sections:
    """Given the bytes of such a file, return its sections with raw JSON values. Raises Unreadable."""
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise Unreadable("it is no text") from error
    found: dict[str, dict[str, str]] = {}
    current: dict[str, str] = {}
    for line in text.split("\n"):
        if line.startswith("[") and line.endswith("]"):
            current = found.setdefault(line[1:-1], {})
        elif line:
            key, value = _parted(line)
            current[key] = value
    if _digest(found) != found.get("backrest", {}).get("backrest-checksum", "").strip('"'):
        raise Unreadable("it does not have the checksum that it was written with")
    return found


def _parted(line: str) -> tuple[str, str]:
    at = line.find("=")
    while at >= 0 and line[at + 1 : at + 2] not in _VALUES:
        at = line.find("=", at + 1)
    if at < 1 or at + 1 == len(line):
        raise Unreadable("a line of it is none of pgBackRest's")
    return line[:at], line[at + 1 :]


def _digest(found: Sections) -> str:
    digest = hashlib.sha1(usedforsecurity=False)
    for at, (name, pairs) in enumerate(found.items()):
        lines = (f'"{key}":{value}' for key, value in pairs.items() if key != "backrest-checksum")
        digest.update((("," if at else "{") + f'"{name}":{{' + ",".join(lines) + "}").encode())
    digest.update(b"}")
    return digest.hexdigest()


def manifest(label: str, found: Sections) -> Manifest:
    """Given the sections of a manifest, return what it says. Raises Unreadable."""
    try:
        targets = {key: json.loads(value) for key, value in found["backup:target"].items()}
        extension = _EXTENSIONS[json.loads(found["backup:option"]["option-compress-type"])]
        files = tuple(_files(label, extension, found.get("target:file", {})))
        return Manifest(label, targets["pg_data"]["path"], targets, files)
    except (KeyError, ValueError, TypeError) as error:
        raise Unreadable(f"it lacks what a manifest has: {error}") from error


def _files(label: str, extension: str, lines: Mapping[str, str]) -> Iterator[Stored]:
    for name, value in lines.items():
        known = json.loads(value)
        stored = known.get("repo-size", known["size"])
        backup = known.get("reference", label)
        if "bni" in known:
            end = known.get("bno", 0) + stored
            yield Stored(name, backup, f"bundle/{known['bni']}", end, False, known["size"])
        elif known["size"] == 0 and "repo-size" not in known:
            # Bundles have no place for empty files; without them an empty file is one of the repository as well.
            yield Stored(name, backup, "", 0, False, 0)
        else:
            yield Stored(name, backup, name + extension, stored, True, known["size"])
