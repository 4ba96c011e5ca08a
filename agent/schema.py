"""Where the JSON Schemas are, and what they hold; nothing here validates.

`schemas/` is the only home of defaults, limits, descriptions and examples. It ships in the wheel as `agent/_schemas`;
from a checkout or an editable install it is the folder beside the package. Its conventions are in schemas/README.md.
"""

from __future__ import annotations

import json
import os
from typing import Any

from agent import __version__
from agent.digests import sha256

Schema = dict[str, Any]
"""A JSON Schema of ours: an object, as JSON."""

POLICY = "policy"
SETTINGS = "agent"
WEB = "web"


def root() -> str:
    """Return the folder of the schemas: the packaged one, else the one beside the package."""
    package = os.path.dirname(os.path.abspath(__file__))
    packaged = os.path.join(package, "_schemas")
    return packaged if os.path.isdir(packaged) else os.path.join(os.path.dirname(package), "schemas")


class Schemas:
    """The schemas of one folder; each is read when it is first asked for.

    `folder` is for tests; without it, the agent's own.
    """

    def __init__(self, folder: str | None = None) -> None:
        self.folder = folder or root()
        self._loaded: dict[str, Schema] = {}

    def policy(self) -> Schema:
        """Return the schema of a policy file."""
        return self._load(f"{POLICY}.schema.json")

    def settings(self) -> Schema:
        """Return the schema of agent.yaml."""
        return self._load(f"{SETTINGS}.schema.json")

    def web(self) -> Schema:
        """Return the schema of a web configuration."""
        return self._load(f"{WEB}.schema.json")

    def action(self, name: str) -> Schema:
        """Given the dotted name of an action that has a schema, return the schema of its options."""
        return self._load(f"actions/{name}.json")

    def action_names(self) -> tuple[str, ...]:
        """Return the dotted names of the actions that have a schema, sorted."""
        names = os.listdir(os.path.join(self.folder, "actions"))
        return tuple(sorted(name.removesuffix(".json") for name in names if name.endswith(".json")))

    def fingerprint(self) -> str:
        """Return a digest of all schemas and the agent's version; what was compiled under another is out of date."""
        digest = sha256(__version__.encode())
        names = [f"{POLICY}.schema.json", f"{SETTINGS}.schema.json", f"{WEB}.schema.json"]
        for name in [*names, *(f"actions/{action}.json" for action in self.action_names())]:
            with open(os.path.join(self.folder, name), "rb") as file:
                digest.update(f"\0{name}\0".encode() + sha256(file.read()).digest())
        return digest.hexdigest()

    def bundle(self) -> Schema:
        """Return one schema for editors: that of a policy, where `action` decides what `with` may hold."""
        bundle: Schema = json.loads(json.dumps(self.policy()))
        task = bundle["$defs"]["task"]
        names = self.action_names()
        task["properties"]["action"]["enum"] = list(names)
        task["allOf"] = [
            {
                "if": {"properties": {"action": {"const": name}}, "required": ["action"]},
                "then": {"properties": {"with": {"$ref": f"#/$defs/{name}"}}},
            }
            for name in names
        ]
        for name in names:
            options = dict(self.action(name))
            # A sub-schema with an identifier of its own would be the root of the references inside it.
            options.pop("$id", None)
            options.pop("$schema", None)
            bundle["$defs"][name] = options
        return bundle

    def _load(self, name: str) -> Schema:
        if name not in self._loaded:
            with open(os.path.join(self.folder, name), "rb") as file:
                self._loaded[name] = json.loads(file.read())
        return self._loaded[name]


def resolve(schema: Schema, whole: Schema) -> Schema:
    """Given a schema and the file it stands in, follow its `$ref`, which never leaves the file."""
    while "$ref" in schema:
        target: Any = whole
        for part in schema["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        schema = {**target, **{key: value for key, value in schema.items() if key != "$ref"}}
    return schema
