"""One file: from bytes to a fragment or to settings, or to every mistake in it.

A fragment is the JSON of what a policy file says, valid and normalised, with the names that it gives and refers to. It
does not hold the file's name, so equal bytes have equal fragments. `agent.policy.fragments` reads it.
"""

from __future__ import annotations

import json
from typing import Any

from yaml.nodes import Node

from agent.errors import Mistake
from agent.policy.fragments import FORMAT
from agent.policy.meaning import complaints_of, timezone_complaints
from agent.policy.normalise import Complaint, normalise
from agent.policy.outline import outline_of
from agent.policy.shape import Shapes
from agent.policy.yaml_front import read


class Broken(Exception):
    """A file that cannot be put in force.

    `mistakes` are all that were found in it. `outline` is the JSON object of the names that it gives and refers to,
    so that mistakes between files are found all the same; None if not even that can be read.
    """

    def __init__(self, mistakes: list[Mistake], outline: dict[str, Any] | None = None) -> None:
        self.mistakes = mistakes
        self.outline = outline
        super().__init__("\n".join(map(str, mistakes)))


def compile_policy(data: bytes, file: str, shapes: Shapes) -> str:
    """Given the bytes of a policy file and the name by which mistakes speak of it, return its fragment.

    Raises Broken.
    """
    document = read(data)
    if not document.flaws and shapes.policy().accepts(document.data):
        complaints: list[Complaint] = []
        policy = normalise(shapes.policy().plan, document.data, complaints)
        options = _options(policy, shapes, complaints)
        if options is not None and not complaints and not complaints_of(policy, document.data):
            return _fragment(policy, options, document.node)
    # Only a file with mistakes pays for finding and wording them all.
    from agent.policy.mistakes import policy_mistakes  # noqa: PLC0415

    outline = None if document.node is None else outline_of(document.node)
    raise Broken(policy_mistakes(document, file, shapes), outline)


def compile_settings(data: bytes, file: str, shapes: Shapes) -> dict[str, Any]:
    """Given the bytes of agent.yaml and the name by which mistakes speak of it, return its normalised values.

    An empty file leaves every default. Raises Broken.
    """
    document = read(data or b"{}")
    shape = shapes.settings()
    if not document.flaws and shape.accepts(document.data):
        complaints: list[Complaint] = []
        values = normalise(shape.plan, document.data, complaints)
        if not complaints and not timezone_complaints(values["timezone"], ()):
            return {name: value for name, value in values.items() if not name.startswith("x-")}
    from agent.policy.mistakes import settings_mistakes  # noqa: PLC0415 - as above

    raise Broken(settings_mistakes(document, file, shape))


def _options(policy: dict[str, Any], shapes: Shapes, complaints: list[Complaint]) -> dict[str, str] | None:
    """Return the options of each task as JSON text, or None when an action is unknown or rejects them."""
    found = {}
    for name, task in policy["tasks"].items():
        if task["action"] not in shapes.actions:
            return None
        shape = shapes.action(task["action"])
        if not shape.accepts(task["with"]):
            return None
        options = normalise(shape.plan, task["with"], complaints, ("tasks", name, "with"))
        found[name] = json.dumps(options, sort_keys=True, separators=(",", ":"))
    return found


def _fragment(policy: dict[str, Any], options: dict[str, str], root: Node | None) -> str:
    body = {
        "format": FORMAT,
        "windows": policy["windows"],
        "tasks": {name: {**task, "with": options[name]} for name, task in policy["tasks"].items()},
        "thresholds": policy["thresholds"],
        **outline_of(root),
    }
    return json.dumps(body, separators=(",", ":"))
