"""Every mistake of one file, once it is known that there is one: the slow way, which imports jsonschema."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from agent.errors import Mistake
from agent.policy.meaning import Meaning
from agent.policy.nearest import quoted, suggest
from agent.policy.normalise import Complaint, normalise
from agent.policy.paths import Path, dotted
from agent.policy.places import key_place, paths_by_place, value_place
from agent.policy.shape import Shape, Shapes
from agent.policy.wording import Worded, word
from agent.policy.yaml_front import Document


def policy_mistakes(document: Document, file: str, shapes: Shapes, meaning: Meaning) -> list[Mistake]:
    """Given the document of a policy file that was not accepted, return all of its mistakes, sorted."""
    return _mistakes(document, file, [] if document.node is None else _policy(document, shapes, meaning))


def settings_mistakes(document: Document, file: str, shape: Shape, meaning: Meaning) -> list[Mistake]:
    """Given the document of a settings file that was not accepted, return all of its mistakes, sorted."""
    if document.node is None:
        return _mistakes(document, file, [])
    found = _rejected(shape, document)
    complaints: list[Complaint] = []
    sound = _pruned(document.data, [worded.path for worded in found if worded.spoils])
    if isinstance(sound, dict):
        values = normalise(shape.plan, sound, complaints)
        complaints += meaning.of_timezone(values["timezone"], ("timezone",))
    return _mistakes(document, file, found + _placed(document, complaints))


def _mistakes(document: Document, file: str, worded: Iterable[Worded]) -> list[Mistake]:
    paths = paths_by_place(document.node) if document.flaws and document.node is not None else {}
    flawed = {(flaw.line, flaw.column): dotted(paths.get((flaw.line, flaw.column), ())) for flaw in document.flaws}
    found = {Mistake(file, f.line, f.column, flawed[f.line, f.column], f.wrong, f.right) for f in document.flaws}
    # What YAML spoilt need not be complained of a second time.
    found |= {Mistake(file, *w.place, dotted(w.path), w.wrong, w.right) for w in worded if w.place not in flawed}
    return sorted(found)


def _policy(document: Document, shapes: Shapes, meaning: Meaning) -> list[Worded]:
    found = _rejected(shapes.policy(), document)
    for name, task in _tasks(document.data):
        found += _with(name, task, document, shapes)
    sound = _pruned(document.data, [worded.path for worded in found if worded.spoils])
    if not isinstance(sound, dict):
        return found
    complaints: list[Complaint] = []
    policy = normalise(shapes.policy().plan, sound, complaints)
    complaints += meaning.of_policy(policy, sound)
    for name, task in _tasks(sound):
        if task.get("action") in shapes.actions and isinstance(task.get("with"), dict):
            normalise(shapes.action(task["action"]).plan, task["with"], complaints, ("tasks", name, "with"))
    return found + _placed(document, complaints)


def _rejected(shape: Shape, document: Document) -> list[Worded]:
    return [] if shape.accepts(document.data) else word(shape.schema, document.data, document.node)


def _placed(document: Document, complaints: Iterable[Complaint]) -> list[Worded]:
    return [Worded(path, value_place(document.node, path), wrong, right) for path, wrong, right in complaints]


def _tasks(data: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    tasks = data.get("tasks") if isinstance(data, dict) else None
    if isinstance(tasks, dict):
        yield from ((name, task) for name, task in tasks.items() if isinstance(task, dict))


def _with(name: str, task: dict[str, Any], document: Document, shapes: Shapes) -> list[Worded]:
    """Return what is wrong with a task's action and with the options given to it."""
    action, options = task.get("action"), task.get("with", {})
    path: Path = ("tasks", name, "action")
    if not isinstance(action, str):
        return []
    if action not in shapes.actions:
        where = value_place(document.node, path)
        return [Worded(path, where, f"unknown action {quoted(action)}", suggest(action, shapes.actions, "actions"))]
    shape = shapes.action(action)
    if not isinstance(options, dict) or shape.accepts(options):
        return []
    path = ("tasks", name, "with")
    found = word(shape.schema, options, document.node, path)
    if "with" in task:
        return found
    place = key_place(document.node, ("tasks", name))
    return [worded._replace(place=place) for worded in found]


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
