"""Every mistake of one file, once it is known that there is one: the slow way, which imports jsonschema."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from agent.errors import Mistake
from agent.policy.meaning import Meaning
from agent.policy.nearest import quoted, suggest
from agent.policy.normalise import Complaint, normalise
from agent.policy.paths import Path, dotted, one_line
from agent.policy.places import Places
from agent.policy.shape import Shape, Shapes
from agent.policy.wording import Worded, word
from agent.policy.yaml_front import Document

Judge = Callable[[dict[str, Any]], Iterable[Complaint]]
"""Given normalised values, say what is wrong with their meaning."""

MOST = 500
"""So many mistakes of one file are worded; whoever makes more needs no list of them."""


def policy_mistakes(document: Document, file: str, shapes: Shapes, meaning: Meaning) -> list[Mistake]:
    """Given the document of a policy file that was not accepted, return all of its mistakes, sorted."""
    if document.node is None:
        return _mistakes(document, file, None, ())
    places = Places(document.node)
    return _mistakes(document, file, places, _policy(document.data, places, shapes, meaning))


def settings_mistakes(document: Document, file: str, shape: Shape, meant: Judge) -> list[Mistake]:
    """Given the document of a settings file that was not accepted, return all of its mistakes, sorted.

    `meant` says what is wrong with the normalised values beyond their shape.
    """
    if document.node is None:
        return _mistakes(document, file, None, ())
    places = Places(document.node)
    return _mistakes(document, file, places, _settings(document.data, places, shape, meant))


def _mistakes(document: Document, file: str, places: Places | None, worded: Iterable[Worded]) -> list[Mistake]:
    paths = places.paths() if places is not None and document.flaws else {}
    flaws = {(flaw.line, flaw.column): dotted(paths.get((flaw.line, flaw.column), ())) for flaw in document.flaws}
    found = {Mistake(file, f.line, f.column, flaws[f.line, f.column], f.wrong, f.right) for f in document.flaws}
    # What YAML spoilt need not be complained of a second time.
    found |= {
        Mistake(file, *w.place, dotted(w.path), one_line(w.wrong), one_line(w.right))
        for w in worded
        if w.place not in flaws
    }
    if len(found) <= MOST:
        return sorted(found)
    more = Mistake(file, 0, 0, "", f"more than {MOST} mistakes", "mend these first; here are some of them")
    return [more, *sorted(found)[:MOST]]


def _policy(data: Any, places: Places, shapes: Shapes, meaning: Meaning) -> list[Worded]:
    found = _rejected(shapes.policy(), data, places)
    for name, task in _tasks(data):
        if len(found) <= MOST:
            found += islice(_with(name, task, places, shapes), MOST + 1)
    sound = _pruned(data, [worded.path for worded in found if worded.spoils])
    if not isinstance(sound, dict) or len(found) > MOST:
        return found
    complaints: list[Complaint] = []
    policy = normalise(shapes.policy().plan, sound, complaints)
    complaints += meaning.of_policy(policy, sound)
    for name, task in _tasks(sound):
        if task.get("action") in shapes.actions and isinstance(task.get("with"), dict):
            normalise(shapes.action(task["action"]).plan, task["with"], complaints, ("tasks", name, "with"))
    return found + _placed(places, complaints)


def _settings(data: Any, places: Places, shape: Shape, meant: Judge) -> list[Worded]:
    found = _rejected(shape, data, places)
    sound = _pruned(data, [worded.path for worded in found if worded.spoils])
    if not isinstance(sound, dict):
        return found
    complaints: list[Complaint] = []
    complaints += meant(normalise(shape.plan, sound, complaints))
    return found + _placed(places, complaints)


def _rejected(shape: Shape, data: Any, places: Places) -> list[Worded]:
    return [] if shape.accepts(data) else list(islice(word(shape.schema, data, places), MOST + 1))


def _placed(places: Places, complaints: Iterable[Complaint]) -> list[Worded]:
    return [Worded(path, places.value_place(path), wrong, right) for path, wrong, right in complaints]


def _tasks(data: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    tasks = data.get("tasks") if isinstance(data, dict) else None
    if isinstance(tasks, dict):
        yield from ((name, task) for name, task in tasks.items() if isinstance(task, dict))


def _with(name: str, task: dict[str, Any], places: Places, shapes: Shapes) -> Iterator[Worded]:
    """Yield what is wrong with a task's action and with the options given to it."""
    action, options = task.get("action"), task.get("with", {})
    path: Path = ("tasks", name, "action")
    if not isinstance(action, str):
        return
    if action not in shapes.actions:
        right = suggest(action, shapes.actions, "actions")
        yield Worded(path, places.value_place(path), f"unknown action {quoted(action)}", right)
        return
    shape = shapes.action(action)
    if not isinstance(options, dict) or shape.accepts(options):
        return
    path = ("tasks", name, "with")
    if "with" in task:
        yield from word(shape.schema, options, places, path)
    else:
        place = places.key_place(("tasks", name))
        yield from (worded._replace(place=place) for worded in word(shape.schema, options, places, path))


def _pruned(data: Any, paths: Iterable[Path]) -> Any:
    """Return data without the values at the paths; a list goes as a whole, so that the places in others stay true."""
    cuts: dict[str | int, list[Path]] = {}
    for path in paths:
        if not path or isinstance(path[0], int):
            return None
        cuts.setdefault(path[0], []).append(path[1:])
    if not cuts or not isinstance(data, dict):
        return data
    kept = {}
    for name, value in data.items():
        rest = _pruned(value, cuts[name]) if name in cuts else value
        if rest is not None:
            kept[name] = rest
    return kept
