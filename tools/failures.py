"""Prints what failed in runs of tests, a line each, to end a long log with: `python -m tools.failures XML...`.

The files are JUnit's, as pytest writes them with `--junit-xml`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.etree import ElementTree

_WIDTH = 240


def failures(path: Path) -> Iterator[str]:
    """Given a report, yield a line for each test in it that failed or had an error. Raises OSError, ParseError."""
    for case in ElementTree.parse(path).iter("testcase"):
        for found in case:
            if found.tag in ("failure", "error"):
                name = f"{case.get('classname', '')}::{case.get('name', '')}"
                why = " ".join(found.get("message", "").split())
                yield f"{found.tag.upper()} {name}: {why}"[:_WIDTH]


def main(paths: Sequence[str]) -> None:
    """Print the failures of all reports; one that cannot be read is told of too, since its run did not end well."""
    for name in paths:
        try:
            for line in failures(Path(name)):
                print(line)
        except (OSError, ElementTree.ParseError) as error:
            print(f"no report of a part of the tests: {error}")


if __name__ == "__main__":
    main(sys.argv[1:])
