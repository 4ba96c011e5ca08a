"""Asks systemd of its units: their states, their restarts, and how many have failed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from agent.errors import RunFailed
from agent.model.signals import Sample
from agent.ports import Command
from agent.probes.answers import Down, given, sample
from agent.probes.group import Measured
from agent.probes.kind import Kind, Settings, Tools
from agent.probes.kinds.command import GRACE, PATH

_ASKED = ("Id", "LoadState", "ActiveState", "NRestarts", "MemoryCurrent", "TasksCurrent")
_TYPES = frozenset(
    {"service", "socket", "target", "device", "mount", "automount", "swap", "timer", "path", "slice", "scope"}
)
_MOST = 1 << 20
_UNSET = 2**64 - 1


class Units:
    """Some units, by name or pattern, and all that have failed."""

    def __init__(self, settings: Settings, tools: Tools) -> None:
        self._settings = settings
        self._tools = tools

    def measure(self, timeout: float) -> Measured:
        """Ask once; a unit that is named and does not exist is an error."""
        failed = self._ask(timeout, "list-units", "--state=failed", "--plain", "--no-legend", "--all")
        found = given({"failed_units": failed.count("\n")})
        wanted = self._settings["units"]
        if wanted:
            properties = f"--property={','.join(_ASKED)}"
            shown = self._ask(timeout, "show", "--all", properties, "--", *wanted)
            units = list(blocks(shown))
            lacking = {unit["Id"] for unit in units if unit.get("LoadState") in (None, "not-found")}
            found += [one for unit in units if unit["Id"] not in lacking for one in _samples(unit)]
            # A unit that others only speak of fits a pattern too, and is none that has to be there.
            lacking &= {_whole(name) for name in wanted if not _is_pattern(name)}
            if lacking:
                raise Down(f"there is no unit {', '.join(sorted(lacking))}", found)
        return Measured(found)

    def _ask(self, timeout: float, *arguments: str) -> str:
        command = Command(
            argv=("systemctl", "--no-pager", "--no-ask-password", *arguments),
            user=None,
            environment={"PATH": PATH, "LC_ALL": "C", "SYSTEMD_COLORS": "0"},
            directory="/",
            timeout=timeout,
            grace=GRACE,
            output_limit=_MOST,
        )
        answer = self._tools.processes.ask(command, self._tools.stop, most=_MOST)
        if answer.completed.timed_out or answer.completed.stopped:
            raise RunFailed(f"systemctl has not answered within {timeout:g} s")
        if answer.completed.code or answer.cut:
            said = " ".join(answer.completed.output.split())[-200:]
            raise RunFailed(f"systemd cannot be asked: {said or answer.completed.code}")
        return answer.output.decode("utf-8", "replace")


def blocks(text: str) -> Iterator[Mapping[str, str]]:
    """Given what `systemctl show` prints, yield the properties of each unit."""
    for block in text.split("\n\n"):
        pairs = (line.partition("=") for line in block.split("\n"))
        unit = {name: value for name, equals, value in pairs if equals}
        if unit.get("Id"):
            yield unit


def _samples(unit: Mapping[str, str]) -> Sequence[Sample]:
    pairs = {"unit": unit["Id"]}
    state = unit["ActiveState"]
    found = [
        sample("active", float(state in ("active", "reloading", "refreshing")), pairs),
        sample("failed", float(state == "failed"), pairs),
    ]
    for what, name in (("restarts", "NRestarts"), ("memory_bytes", "MemoryCurrent"), ("tasks", "TasksCurrent")):
        number = unit.get(name, "")
        if number.isdigit() and int(number) != _UNSET:
            found.append(sample(what, float(number), pairs))
    return found


def _is_pattern(name: str) -> bool:
    return any(mark in name for mark in "*?[")


def _whole(name: str) -> str:
    return name if name.rpartition(".")[2] in _TYPES else f"{name}.service"


def connect_to(_name: str, settings: Settings, tools: Tools) -> Units:
    """Return the probe."""
    return Units(settings, tools)


KIND = Kind(connect=connect_to)
