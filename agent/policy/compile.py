"""One file: from bytes to what it says, or to every mistake in it."""

from __future__ import annotations

import json
import os
from collections.abc import Collection
from typing import Any, NamedTuple

from yaml.nodes import Node

from agent.policy.broken import Broken
from agent.policy.fragments import DEFINITIONS, FORMAT, SECTIONS, options_text
from agent.policy.meaning import Meaning
from agent.policy.normalise import Complaint, normalise
from agent.policy.notifying import body_of
from agent.policy.outline import outline_of
from agent.policy.places import members, place
from agent.policy.probe_body import body_of as body_of_probe
from agent.policy.references import MarksOf, named
from agent.policy.shape import Shapes
from agent.policy.yaml_front import read
from agent.schema import Schemas

_dense = json.JSONEncoder(separators=(",", ":")).encode


class Compiled(NamedTuple):
    """What a valid policy file says, normalised: the body of its fragment but for the outline, which is in `node`.

    It does not hold the file's name, so equal bytes give equal fragments.
    """

    body: dict[str, Any]
    node: Node | None
    marks_of: MarksOf

    def outline(self) -> str:
        """Return the JSON of the names that the file gives and refers to."""
        return _dense(outline_of(self.node, self.marks_of))

    def fragment(self) -> str:
        """Return the JSON of the fragment, which `agent.policy.fragments` reads."""
        return _dense({**self.body, "outline": self.outline()})


class Compiler:
    """Compiles file after file.

    `actions` are the names that policies may use; without it, every action that has a schema.
    """

    def __init__(self, schemas: Schemas | None = None, actions: Collection[str] | None = None) -> None:
        self.shapes = Shapes(schemas or Schemas(), actions)
        self.meaning = Meaning()

    def policy(self, data: bytes, file: str) -> Compiled:
        """Given the bytes of a policy file and the name by which mistakes speak of it, compile it. Raises Broken."""
        document = read(data)
        shape = self.shapes.policy()
        if not document.flaws and shape.accepts(document.data):
            complaints: list[Complaint] = []
            policy = normalise(shape.plan, document.data, complaints)
            uses = self._take_options(policy, complaints)
            if uses is not None and not complaints and not self.meaning.of_policy(policy, document.data):
                return Compiled(_body(policy, document.node, uses), document.node, self.shapes.marks)
        # Only a file with mistakes pays for finding and wording them all.
        from agent.policy.mistakes import policy_mistakes  # noqa: PLC0415

        outline = "" if document.node is None else _dense(outline_of(document.node, self.shapes.marks))
        raise Broken(policy_mistakes(document, file, self.shapes, self.meaning), outline)

    def settings(self, data: bytes, file: str) -> dict[str, Any]:
        """Given the bytes of agent.yaml and the name by which mistakes speak of it, return its normalised values.

        A file without any leaves every default. Raises Broken.
        """
        document = read(data, may_be_empty=True)
        shape = self.shapes.settings()
        if not document.flaws and shape.accepts(document.data):
            complaints: list[Complaint] = []
            values: dict[str, Any] = normalise(shape.plan, document.data, complaints)
            if not complaints and not self.meaning.of_timezone(values["timezone"], ()):
                return {name: value for name, value in values.items() if not name.startswith("x-")}
        from agent.policy.mistakes import settings_mistakes  # noqa: PLC0415 - as above

        raise Broken(
            settings_mistakes(
                document, file, shape, lambda values: self.meaning.of_timezone(values["timezone"], ("timezone",))
            )
        )

    def web(self, data: bytes, file: str, *, root: bool) -> dict[str, Any]:
        """Given the bytes of a web configuration and its path, return its values, complete. Raises Broken.

        `root` demands that the files it names are root's alone.
        """
        # Few hosts have one, and it takes TLS to judge it.
        from agent.policy.web_files import complete  # noqa: PLC0415

        document = read(data, may_be_empty=True)
        shape = self.shapes.web()
        directory = os.path.dirname(os.path.abspath(file))
        if not document.flaws and shape.accepts(document.data):
            values, complaints = complete(normalise(shape.plan, document.data, []), directory, root=root)
            if not complaints:
                return values
        from agent.policy.mistakes import settings_mistakes  # noqa: PLC0415 - as above

        raise Broken(settings_mistakes(document, file, shape, lambda values: complete(values, directory, root=root)[1]))

    def _take_options(self, policy: dict[str, Any], complaints: list[Complaint]) -> list[Any] | None:
        """Put the options of each task as JSON text in place of `with`; None if an action rejects them.

        Returns what they refer to, as `agent.policy.fragments.Use` has it.
        """
        uses: list[Any] = []
        for name, task in policy["tasks"].items():
            if task["action"] not in self.shapes.actions:
                return None
            shape = self.shapes.action(task["action"])
            if not shape.accepts(task["with"]):
                return None
            options = normalise(shape.plan, task["with"], complaints, ("tasks", name, "with"))
            if shape.marks is not None:
                uses += [(name, *use) for use in named(shape.marks, options)]
            task["with"] = options_text(options)
        return uses


def _body(policy: dict[str, Any], root: Node | None, uses: list[Any]) -> dict[str, Any]:
    for section in DEFINITIONS:
        for name, thing in policy[section].items():
            ((driver, settings),) = thing.items()
            policy[section][name] = {"driver": driver, "settings": settings}
    policy["notifiers"] = {name: body_of(thing) for name, thing in policy["notifiers"].items()}
    policy["probes"] = {name: body_of_probe(thing) for name, thing in policy["probes"].items()}
    for section, _, things in members(root):
        if section in SECTIONS:
            for name, key, _ in members(things):
                policy[section][name]["at"] = place(key)
    return {"format": FORMAT, **{section: policy[section] for section in SECTIONS}, "uses": uses}
