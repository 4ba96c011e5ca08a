"""Runs every check; prints each finding on a line of its own and ends with 1 if there is one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from agent.cli.parser import get_parser
from tools.house import documents, lengths, links, policies, schemas, words
from tools.house.repository import ROOT, files, texts
from tools.reference import pages
from tools.reference.folder import stale

BUDGETED = ("agent", "benchmarks", "tests", "tools")


def in_document(path: Path, text: str) -> Iterator[str]:
    """Given a document and its text, yield what is not so."""
    name = str(path.relative_to(ROOT))
    yield from links.check(ROOT, path, text)
    yield from documents.fragments(name, text)
    yield from documents.commands(name, text)
    yield from documents.metrics(name, text, "\n".join(pages.metrics()))
    yield from documents.shown_help(name, text, get_parser().format_help())
    yield from policies.in_document(name, documents.policies(text))


def findings() -> Iterator[str]:
    """Yield every finding of every check over this repository."""
    contents = dict(texts(files()))
    for path, text in contents.items():
        yield from words.check(ROOT, path, text)
        if path.suffix == ".md":
            yield from in_document(path, text)
    yield from (f"docs/reference/{page}: run `make docs`" for page in stale())
    for folder in policies.folders(ROOT):
        yield from policies.in_folder(ROOT, folder)
    yield from policies.settings(ROOT)
    yield from schemas.check(schemas.load(ROOT / "schemas"))
    sources = {
        str(path.relative_to(ROOT)): text
        for path, text in contents.items()
        if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in BUDGETED
    }
    yield from lengths.check(sources, lengths.exceptions(lengths.EXCEPTIONS.read_text(encoding="utf-8")))


def main() -> int:
    """Print the findings and return the exit code."""
    found = list(findings())
    for finding in found:
        print(finding)
    print(f"house: {len(found)} findings")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
