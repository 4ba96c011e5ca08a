"""Words that say a thing is unfinished, hosts that nobody vouched for, and paths of one person's machine."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

# Joined from halves, so that this file does not contain what it looks for.
UNFINISHED = re.compile(
    r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK", "NotImplemented" + "Error")) + r")\b"
)
HOST = re.compile(r"https?://([A-Za-z0-9.-]+)")
KNOWN_HOSTS = frozenset(
    {"appriseit.com", "json-schema.org", "keepachangelog.com", "semver.org"}
    | {"www.apache.org", "www.debian.org", "www.w3.org"}
)
EXAMPLE_HOSTS = (".example", ".invalid", "example.com", "example.org", "127.0.0.1", "0.0.0.0")


def check(root: Path, path: Path, text: str) -> Iterator[str]:
    """Given the checkout, a file and its text, yield a finding for each line that must not stay."""
    for number, line in enumerate(text.splitlines(), start=1):
        where = f"{path.relative_to(root)}:{number}"
        if found := UNFINISHED.search(line):
            yield f"{where}: {found[0]}: finish it, or say what is left in the issue"
        for host in HOST.findall(line):
            if "." in host and host not in KNOWN_HOSTS and not host.endswith(EXAMPLE_HOSTS):
                yield f"{where}: host {host} is not in tools/house/words.py KNOWN_HOSTS"
        if str(root) in line:
            yield f"{where}: names the directory of this checkout"
