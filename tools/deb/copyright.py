"""The file that says whose work is in the package, and on which terms it is given."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

HEAD = """\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: hostkeeper
Comment: The package carries the Python packages it needs, unchanged from the
 wheels that their authors published; each is named here.

Files: *
Copyright: The Hostkeeper authors
License: Apache-2.0
"""

COMMON = {"TERMS AND CONDITIONS FOR USE, REPRODUCTION": "Apache-2.0", "Mozilla Public License": "MPL-2.0"}
"""A phrase of each licence that every Debian host has in /usr/share/common-licenses, and its name there."""


def render(about: Iterable[dict[str, str]]) -> str:
    """Given what `wheels.metadata` says of each wheel, return the whole file."""
    return "\n".join([HEAD, *(stanza(one) for one in about), *pointers()])


def stanza(one: dict[str, str]) -> str:
    """Given what is known of a wheel, return its paragraph."""
    module = one["name"].lower().replace("-", "_")
    common = {name for phrase, name in COMMON.items() if phrase in one["text"]}
    licence = common.pop() if common else f"{one['name']}-licence"
    owners = [line.strip() for line in one["text"].splitlines() if line.strip().startswith("Copyright (c)")]
    lines = [
        f"Files: usr/lib/hostkeeper/*/{module}*",
        f"Copyright: {(owners or [one['author']])[0]}",
        *(f" {owner}" for owner in owners[1:]),
        f"License: {licence}",
    ]
    if not common and licence not in COMMON.values():
        terms = one["text"] or f"Given by {one['author']} on the terms of the licence {one['licence']}."
        lines += [f" {line.rstrip()}" if line.strip() else " ." for line in terms.strip().splitlines()]
    return "\n".join([*lines, f"Comment: {one['name']} {one['version']}; {one['licence']}", ""])


def pointers() -> Iterator[str]:
    """Yield where the whole text of each licence is that Debian has on every host."""
    for name in COMMON.values():
        yield f"License: {name}\n The whole text is in /usr/share/common-licenses/{name} on Debian.\n"
