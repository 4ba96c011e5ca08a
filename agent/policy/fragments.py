"""Fragments: what one policy file says, read from the JSON that `agent.policy.compile` wrote.

The daemon reads them from the compiler's answers and from the store, so nothing here imports YAML or JSON Schema.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from msgspec import Struct
from msgspec.json import Encoder

from agent.model.policies import (
    Breaker,
    Category,
    Definition,
    Instruction,
    Limits,
    Notifier,
    Overlap,
    Position,
    Priority,
    Probe,
    Retry,
    Schedule,
    Severity,
    Task,
    Threshold,
    Window,
)
from agent.policy.condition import condition_from
from agent.policy.notifier import notifier_from, notify_from
from agent.policy.probe_body import probe_from

FORMAT = 7
"""Changes whenever a fragment of the past could be misread."""

DEFINITIONS = ("databases", "repositories")
"""Sections of things that the options of actions refer to, each by the driver of its engine."""

SECTIONS = ("windows", "notifiers", *DEFINITIONS, "probes", "tasks", "thresholds")

_encode = Encoder(order="sorted").encode
_encode_as_ascii = json.JSONEncoder(separators=(",", ":"), sort_keys=True).encode
_CATEGORIES = {category.value: category for category in Category}
_PRIORITIES = {priority.name.lower(): priority for priority in Priority}
_OVERLAPS = {overlap.value: overlap for overlap in Overlap}
_SEVERITIES = {severity.value: severity for severity in Severity}


class Name(NamedTuple):
    """A thing that a file names, and where: section, name, line and column of its key; of a task also its action,
    of a probe its kind.
    """

    section: str
    name: str
    line: int
    column: int
    action: str = ""


class Reference(NamedTuple):
    """A name that a file refers to.

    `kind` is `window`, `needs`, `run`, `signal` or `label`, or the section that an option of an action refers to;
    `owner` is the name of the thing that refers, and `of` the signal that a label belongs to. `path` is the dotted way
    to the place. A task that is named has to do `action`, and its option `same` has to name the same thing as the
    owner's; "" for whatever.
    """

    kind: str
    name: str
    owner: str
    of: str
    path: str
    line: int
    column: int
    action: str = ""
    same: str = ""


class Use(NamedTuple):
    """A name of a section in the options of a task, the way to it there, and what it asks for, as in `Reference`."""

    task: str
    section: str
    name: str
    path: tuple[str | int, ...]
    action: str = ""
    same: str = ""


class Outline(NamedTuple):
    """The names that a file gives and refers to: all that the files have to do with one another."""

    names: tuple[Name, ...]
    references: tuple[Reference, ...]


class Fragment(Struct, frozen=True):
    """What one valid file says. `digest` is the SHA-256 of its bytes in hexadecimal.

    `outline_text` is the JSON of its outline; "" in a process that can look at the file again.
    """

    file: str
    digest: str
    windows: tuple[Window, ...]
    tasks: tuple[Task, ...]
    thresholds: tuple[Threshold, ...]
    outline_text: str
    databases: tuple[Definition, ...] = ()
    repositories: tuple[Definition, ...] = ()
    uses: tuple[Use, ...] = ()
    notifiers: tuple[Notifier, ...] = ()
    probes: tuple[Probe, ...] = ()

    @property
    def outline(self) -> Outline | None:
        """The names that the file gives and refers to; only asked for when something does not fit."""
        return load_outline(self.outline_text) if self.outline_text else None


def options_text(options: Mapping[str, Any]) -> str:
    """Given the normalised options of a task, return them as JSON; equal options give equal text."""
    text = _encode(options)
    return text.decode("ascii") if text.isascii() else _encode_as_ascii(options)


def load_outline(text: str) -> Outline:
    """Given the JSON of an outline, return it."""
    body = json.loads(text)
    return Outline(
        tuple([Name(*name) for name in body["names"]]),
        tuple([Reference(*reference) for reference in body["references"]]),
    )


def load_fragment(text: str, file: str, digest: str) -> Fragment:
    """Given a fragment's JSON text, the file it belongs to and the digest of that file's bytes, return the fragment.

    Raises ValueError when the text is of another format than this agent writes.
    """
    body = json.loads(text)
    if body.get("format") != FORMAT:
        raise ValueError(f"a fragment of format {body.get('format')!r} where {FORMAT} is expected")
    try:
        return fragment_from(body, file, digest)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"a fragment of another shape than format {FORMAT} has: {error!r}") from error


def fragment_from(body: Mapping[str, Any], file: str, digest: str) -> Fragment:
    """Given a fragment's JSON object, return the fragment, as `load_fragment` does."""
    return Fragment(
        file,
        digest,
        tuple([_window(name, thing, file) for name, thing in body["windows"].items()]),
        tuple([_task(name, thing, file) for name, thing in body["tasks"].items()]),
        tuple([_threshold(name, thing, file) for name, thing in body["thresholds"].items()]),
        body.get("outline", ""),
        tuple([_definition(name, thing, file) for name, thing in body["databases"].items()]),
        tuple([_definition(name, thing, file) for name, thing in body["repositories"].items()]),
        tuple([Use(task, section, name, tuple(path), *asked) for task, section, name, path, *asked in body["uses"]]),
        tuple([notifier_from(name, thing, file) for name, thing in body["notifiers"].items()]),
        tuple([probe_from(name, thing, file) for name, thing in body["probes"].items()]),
    )


def _definition(name: str, thing: dict[str, Any], file: str) -> Definition:
    return Definition(name, thing["driver"], thing["settings"], Position(file, *thing["at"]))


def _window(name: str, thing: dict[str, Any], file: str) -> Window:
    return Window(name, thing["opens"], thing["lasts"], thing["timezone"], Position(file, *thing["at"]))


def _task(name: str, thing: dict[str, Any], file: str) -> Task:
    return Task(
        name=name,
        description=thing["description"],
        category=_CATEGORIES[thing["category"]],
        action=thing["action"],
        options=thing["with"],
        schedule=_schedule(thing.get("schedule")),
        window=thing.get("window"),
        priority=_PRIORITIES[thing["priority"]],
        needs=tuple(thing["needs"]),
        enabled=thing["enabled"],
        max_duration=thing["max_duration"],
        retry=Retry(thing["retry"]["attempts"], thing["retry"]["delay"]),
        overlap=_OVERLAPS[thing["overlap"]],
        limits=Limits(thing["limits"]["items"], thing["limits"]["bytes"], thing["limits"]["percent"]),
        at_most=_breaker(thing["at_most"]),
        position=Position(file, *thing["at"]),
        notify=notify_from(thing["notify"]),
        mutes=tuple(thing["mutes"]),
        mutes_for=thing["mutes_for"],
    )


def _schedule(thing: dict[str, Any] | None) -> Schedule | None:
    if thing is None:
        return None
    text = f"every {thing['every']}" if "every" in thing else thing["cron"]
    return Schedule(text, thing["timezone"], thing["jitter"], thing["catch_up"])


def _breaker(thing: dict[str, Any] | None) -> Breaker | None:
    return None if thing is None else Breaker(thing["times"], thing["per"])


def _threshold(name: str, thing: dict[str, Any], file: str) -> Threshold:
    return Threshold(
        name=name,
        description=thing["description"],
        condition=condition_from(thing),
        severity=_SEVERITIES[thing["severity"]],
        run=tuple(thing["run"]),
        at_most=_breaker(thing["at_most"]),
        position=Position(file, *thing["at"]),
        incident=thing["incident"],
        runbook=tuple([Instruction(step["text"], step["run"] or "") for step in thing["runbook"]]),
        notify=tuple(thing["notify"]),
        wait_for_window=thing["wait_for_window"],
        helps_within=thing["helps_within"],
        gives_up_after=thing["gives_up_after"],
        parents=tuple(thing["parents"]),
    )
