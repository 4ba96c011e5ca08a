"""Runs a program: its exit code, the number that it prints, or what it prints in Prometheus' text format."""

from __future__ import annotations

import math

from agent.host.asides import Answer
from agent.host.output import visible
from agent.model.signals import Sample
from agent.ports import Command
from agent.probes.answers import MOST_SERIES, Down, sample
from agent.probes.group import Measured
from agent.probes.kind import Kind, Settings, Tools
from agent.rules.exposition import BadText, number_of, parse

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
MOST = 1 << 20
GRACE = 0.5
"""Seconds that a program gets to end by itself: less than those after which its measurement is taken to hang."""

_QUOTED = 200


class Run:
    """One program."""

    def __init__(self, settings: Settings, tools: Tools) -> None:
        self._settings = settings
        self._tools = tools

    def measure(self, timeout: float) -> Measured:
        """Run it once."""
        found = self._tools.processes.ask(self._command(timeout), self._tools.stop, most=MOST)
        completed = found.completed
        if completed.timed_out or completed.stopped:
            raise Down(f"no end within {timeout:g} s")
        if found.cut:
            raise Down(f"it prints more than {MOST} bytes")
        if completed.code < 0:
            raise Down(f"ended by signal {-completed.code}")
        code = sample("exit_code", completed.code)
        if completed.code:
            said = _said(found)
            raise Down(f"exit code {completed.code}{': ' if said else ''}{said}", [code])
        try:
            return Measured([code, *_read(self._settings["reads"], found.output)])
        except (BadText, UnicodeDecodeError) as error:
            raise Down(f"its output cannot be used: {error}", [code]) from error

    def _command(self, timeout: float) -> Command:
        settings = self._settings
        return Command(
            argv=tuple(settings["argv"]),
            user=settings["user"],
            environment={"PATH": PATH, "LC_ALL": "C", "HOME": "/nonexistent", **settings["environment"]},
            directory=settings["directory"],
            timeout=timeout,
            grace=GRACE,
            output_limit=MOST,
        )


def _said(found: Answer) -> str:
    text = found.completed.output or visible(found.output[-_QUOTED:])
    return " ".join(text.split())[-_QUOTED:]


def _read(how: str, output: bytes) -> list[Sample]:
    if how == "exit_code":
        return []
    text = output.decode("utf-8")
    if how == "prometheus":
        return parse(text, MOST_SERIES)
    words = text.split()
    if len(words) != 1:
        raise BadText(f"{len(words)} words where one number is wanted")
    value = number_of(words[0])
    return [] if math.isnan(value) else [sample("value", value)]


def connect_to(_name: str, settings: Settings, tools: Tools) -> Run:
    """Return the probe."""
    return Run(settings, tools)


KIND = Kind(connect=connect_to)
