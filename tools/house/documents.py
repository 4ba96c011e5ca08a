"""Documents say what is so: the reference is current, the README shows the real help, YAML in them is YAML."""

from __future__ import annotations

import re
from collections.abc import Iterator

import yaml

FENCE = re.compile(r"^```(?P<kind>[^\n]*)\n(?P<body>.*?)^```", re.MULTILINE | re.DOTALL)
HELP = re.compile(r"^\$ hostkeeper --help\n(?P<text>.*)", re.DOTALL)


def fences(text: str) -> Iterator[tuple[int, str, str]]:
    """Given a document, yield the line, the kind and the body of each fenced block."""
    for found in FENCE.finditer(text):
        yield text.count("\n", 0, found.start()) + 1, found["kind"].strip(), found["body"]


def policies(text: str) -> Iterator[tuple[int, str]]:
    """Given a document, yield the line and the body of each complete policy in it."""
    return ((line, body) for line, kind, body in fences(text) if kind == "yaml")


def fragments(name: str, text: str) -> Iterator[str]:
    """Given a document, yield a finding for each YAML fragment that is not YAML."""
    for line, kind, body in fences(text):
        if kind == "yaml fragment":
            try:
                yaml.safe_load(body)
            except yaml.YAMLError as error:
                yield f"{name}:{line}: {error}"


def readme(text: str, help_text: str) -> Iterator[str]:
    """Given the README and the real output of `hostkeeper --help`, yield a finding unless the README shows it."""
    shown = [found["text"] for _, _, body in fences(text) if (found := HELP.match(body))]
    if not shown:
        yield "README.md: shows no output of `hostkeeper --help`"
    for block in shown:
        if block.split() != help_text.split():
            yield "README.md: the output of `hostkeeper --help` is not what the command prints"
