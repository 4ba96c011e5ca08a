"""Documents say what is so: the reference is current, help is the real help, YAML in them is YAML."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import textwrap
from collections.abc import Iterator

import yaml

from agent.cli.parser import COMMANDS, get_parser
from agent.errors import BadArgument

FENCE = re.compile(r"^ *```(?P<kind>[^\n]*)\n(?P<body>.*?)^ *```", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^ *(?:\$ )?(?:\S*/)?hostkeeper (?!--help)(?P<arguments>[a-z]\S*(?: \S+)*)", re.MULTILINE)
MENTION = re.compile(r"`hostkeeper (?P<command>[a-z][a-z-]*)")
METRIC = re.compile(r"\bhostkeeper_[a-z0-9_]+")
HELP = re.compile(r"^\$ hostkeeper --help\n(?P<text>.*)", re.DOTALL)


def fences(text: str) -> Iterator[tuple[int, str, str]]:
    """Given a document, yield the line, the kind and the body of each fenced block."""
    for found in FENCE.finditer(text):
        yield text.count("\n", 0, found.start()) + 1, found["kind"].strip(), textwrap.dedent(found["body"])


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


def commands(name: str, text: str) -> Iterator[str]:
    """Given a document, yield a finding for each command of ours that the command line would not understand."""
    for line, kind, body in fences(text):
        for found in COMMAND.finditer(body) if kind in ("", "console", "sh") else ():
            try:
                # `--help` prints and ends, which is no mistake.
                with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
                    get_parser().parse_args(shlex.split(found["arguments"], comments=True))
            except BadArgument as error:
                where = line + 1 + body.count("\n", 0, found.start())
                yield f"{name}:{where}: {str(error).splitlines()[-1]}"
    for found in MENTION.finditer(text):
        if found["command"] not in COMMANDS:
            yield f"{name}:{text.count(chr(10), 0, found.start()) + 1}: there is no command {found['command']}"


def metrics(name: str, text: str, known: str) -> Iterator[str]:
    """Given a document and the page of all metrics, yield a finding for each metric that does not exist."""
    exist = set(METRIC.findall(known))
    for found in METRIC.finditer(text):
        if exist.isdisjoint({found[0], re.sub(r"_(bucket|sum|count)$", "", found[0])}):
            yield f"{name}:{text.count(chr(10), 0, found.start()) + 1}: there is no metric {found[0]}"


def shown_help(name: str, text: str, help_text: str) -> Iterator[str]:
    """Given a document and the real output of `hostkeeper --help`, yield a finding where it shows another one."""
    for line, _, body in fences(text):
        found = HELP.match(body)
        if found and found["text"].split() != help_text.split():
            yield f"{name}:{line}: the output of `hostkeeper --help` is not what the command prints"
