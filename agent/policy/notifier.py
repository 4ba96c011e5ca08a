"""Notifiers, and who names them, read from the JSON of a fragment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from agent.model.policies import Notifier, Notify, Position, Quiet, Repeat, Severity, Task, Template, Threshold

_SEVERITIES = {severity.value: severity for severity in Severity}


def notifier_from(name: str, thing: Mapping[str, Any], file: str) -> Notifier:
    """Given a notifier of a fragment's JSON, return it."""
    repeat, quiet, template = thing["repeat"], thing["quiet"], thing["template"]
    return Notifier(
        name=name,
        kind=thing["kind"],
        settings=thing["settings"],
        severity=_SEVERITIES[thing["severity"]],
        group_wait=thing["group_wait"],
        repeat=repeat and Repeat(repeat["first"], repeat["most"]),
        quiet=quiet and _quiet(quiet),
        template=Template(template["subject"], template["body"]),
        expire=thing["expire"],
        position=Position(file, *thing["at"]),
    )


def _quiet(thing: Mapping[str, Any]) -> Quiet:
    unless = tuple([_SEVERITIES[severity] for severity in thing["except"]])
    return Quiet(_minutes(thing["from"]), _minutes(thing["to"]), thing["timezone"], unless)


def _minutes(text: str) -> int:
    hours, _, minutes = text.partition(":")
    return 60 * int(hours) + int(minutes)


def notify_from(thing: Mapping[str, Any] | None) -> Notify | None:
    """Given what a task of a fragment's JSON says of notifiers, return it."""
    if thing is None:
        return None
    return Notify(tuple(thing["to"]), tuple(thing["on"]), _SEVERITIES[thing["severity"]])


class Giving(Protocol):
    """What gives notifiers: a fragment."""

    @property
    def notifiers(self) -> tuple[Notifier, ...]:
        """The notifiers that a file gives."""
        ...


def notifiers_of(
    files: Iterable[Giving], tasks: Iterable[Task], thresholds: Iterable[Threshold]
) -> dict[str, Notifier] | None:
    """Given all files, tasks and thresholds, return the notifiers by name.

    None if a name is given twice, or named and not given.
    """
    given = [notifier for file in files for notifier in file.notifiers]
    known = {notifier.name: notifier for notifier in given}
    named = [name for task in tasks if task.notify is not None for name in task.notify.to]
    named += [name for threshold in thresholds for name in threshold.notify]
    return known if len(known) == len(given) and all(name in known for name in named) else None
