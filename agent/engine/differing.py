"""How one policy set differs from another in what it says, and in what comes of it: runs and firings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from agent.engine.replay import Replayed
from agent.model.policies import PolicySet
from agent.model.signals import Labels
from agent.rules.replay import Episode
from agent.rules.upcoming import Entry, Upcoming

SECTIONS = ("windows", "databases", "repositories", "notifiers", "probes", "tasks", "thresholds")


class Change(Struct, frozen=True):
    """One thing that is not as before. `fields` are, by dotted path, what they were and what they are.

    What was not there before, or is not there any more, has `added` or `removed` set, and no fields.
    """

    section: str
    name: str
    added: bool = False
    removed: bool = False
    fields: Mapping[str, tuple[Any, Any]] = {}


def changes(old: PolicySet, new: PolicySet) -> list[Change]:
    """Given two policy sets, return what differs, by section and name; where it is written does not count."""
    found = []
    for section in SECTIONS:
        before, after = getattr(old, section), getattr(new, section)
        for name in sorted(before.keys() | after.keys()):
            if name not in before:
                found.append(Change(section, name, added=True))
            elif name not in after:
                found.append(Change(section, name, removed=True))
            # Of thousands of things few have changed, and only those are worth taking apart.
            elif before[name] != after[name]:
                fields = dict(_fields(_plain(before[name]), _plain(after[name]), ""))
                found += [Change(section, name, fields=fields)] if fields else []
    return found


def _plain(thing: Struct) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.to_builtins(thing)
    fields.pop("position", None)
    if "options" in fields:
        fields["with"] = msgspec.json.decode(fields.pop("options"))
    return fields


def _fields(old: Any, new: Any, path: str) -> Iterator[tuple[str, tuple[Any, Any]]]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            yield from _fields(old.get(key), new.get(key), f"{path}.{key}" if path else key)
    elif old != new:
        yield path, (old, new)


class Course(Struct, frozen=True):
    """The runs of one task in the days to come, as they would be by two policy sets.

    `before` and `after` are how many start; `only_before` and `only_after` are the instants (seconds since the epoch)
    at which a run starts by one of the two alone. `until` is up to when that was looked at, None where it was to the
    end: of a task that runs very often a calendar lists no more than the first runs.
    """

    task: str
    before: int
    after: int
    only_before: tuple[float, ...]
    only_after: tuple[float, ...]
    until: float | None = None


def concerned(policies: PolicySet, found: Sequence[Change]) -> PolicySet:
    """Given a policy set and what differs, return it with those tasks alone whose runs may, and what these need."""
    windows = {one.name for one in found if one.section == "windows"}
    wanted = {one.name for one in found if one.section == "tasks"}
    wanted |= {name for name, task in policies.tasks.items() if task.window in windows}
    needed_by: dict[str, list[str]] = {}
    for name, task in policies.tasks.items():
        for need in task.needs:
            needed_by.setdefault(need, []).append(name)
    wanted = _closure(wanted, lambda name: needed_by.get(name, ()))
    wanted = _closure(wanted, lambda name: policies.tasks[name].needs if name in policies.tasks else ())
    return replace(policies, tasks={name: task for name, task in policies.tasks.items() if name in wanted})


def _closure(names: Iterable[str], following: Callable[[str], Iterable[str]]) -> set[str]:
    reached, left = set(names), list(names)
    while left:
        new = set(following(left.pop())) - reached
        reached |= new
        left += new
    return reached


def courses(before: Upcoming, after: Upcoming) -> list[Course]:
    """Given the calendars of two policy sets, return the tasks whose runs differ."""
    old, new = _starts(before.entries), _starts(after.entries)
    found = []
    for task in sorted(old.keys() | new.keys()):
        first, second = old.get(task, []), new.get(task, [])
        listed = [
            starts[-1] for starts, calendar in ((first, before), (second, after)) if starts and task in calendar.cut
        ]
        until = min(listed, default=None)
        if until is not None:
            first, second = ([at for at in starts if at <= until] for starts in (first, second))
        if first != second:
            gone, come = sorted(set(first) - set(second)), sorted(set(second) - set(first))
            found.append(Course(task, len(first), len(second), tuple(gone), tuple(come), until))
    return found


def _starts(entries: Sequence[Entry]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for entry in entries:
        if entry.starts is not None:
            found.setdefault(entry.task, []).append(entry.starts)
    return found


class Judged(Struct, frozen=True):
    """What a threshold would have made of one series by two policy sets; None where nothing is known by one of them."""

    threshold: str
    series: Labels
    before: tuple[Episode, ...] | None
    after: tuple[Episode, ...] | None


def judged(before: Sequence[Replayed], after: Sequence[Replayed]) -> list[Judged]:
    """Given what thresholds would have done by two policy sets, return the series of which they differ."""
    old, new = _episodes(before), _episodes(after)
    found = [Judged(*key, old.get(key), new.get(key)) for key in sorted(old.keys() | new.keys())]
    return [one for one in found if one.before != one.after]


def _episodes(found: Sequence[Replayed]) -> dict[tuple[str, Labels], tuple[Episode, ...]]:
    return {(one.threshold, one.series): one.outcome.episodes for one in found if one.outcome is not None}
