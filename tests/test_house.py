"""Tests about the house: names agree, schemas and dataclasses are in step, importing changes nothing."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import NODEFAULT, Struct, structs

from agent import registry
from agent.cli.parser import COMMANDS
from agent.failpoints import POINTS

ROOT = Path(__file__).resolve().parents[1]
SOURCES = {path: path.read_text(encoding="utf-8") for path in sorted((ROOT / "agent").rglob("*.py"))}


def test_every_action_has_a_module_a_schema_and_a_test() -> None:
    modules = {f"agent/actions/{name.replace('.', '/')}.py" for name in registry.names()}
    schemas = {str(path.relative_to(ROOT)) for path in (ROOT / "schemas" / "actions").glob("*.json")}
    tests = {str(path.relative_to(ROOT)) for path in (ROOT / "tests" / "actions").glob("*/test_*.py")}
    names = {module.removeprefix("agent/actions/").removesuffix(".py").replace("/", ".") for module in modules}
    names |= {schema.removeprefix("schemas/actions/").removesuffix(".json") for schema in schemas}
    wanted = {
        file
        for name in names
        for system, _, action in [name.partition(".")]
        for file in (
            f"agent/actions/{system}/{action}.py",
            f"schemas/actions/{name}.json",
            f"tests/actions/{system}/test_{action}.py",
        )
    }
    missing = sorted(wanted - modules - schemas - tests)
    assert not missing, f"missing: {', '.join(missing)}"


def option_schema(name: str) -> dict[str, Any]:
    loaded = json.loads((ROOT / "schemas" / "actions" / f"{name}.json").read_bytes())
    assert isinstance(loaded, dict)
    return loaded


@pytest.mark.parametrize("name", registry.names())
def test_action_options_and_schema_are_in_step(name: str) -> None:
    schema = option_schema(name)
    fields = structs.fields(registry.load(name).options)
    properties = schema["properties"]
    assert {field.name for field in fields} == set(properties)
    assert schema["additionalProperties"] is False
    for field in fields:
        assert field.default is NODEFAULT, f"{field.name}: its default belongs in the schema"
        assert field.default_factory is NODEFAULT, f"{field.name}: its default belongs in the schema"
    for key, option in properties.items():
        assert ("default" in option) != (key in schema.get("required", [])), f"{key}: required or defaulted, not both"


@pytest.mark.parametrize("name", registry.names())
def test_action_options_are_frozen(name: str) -> None:
    options = registry.load(name).options
    assert issubclass(options, Struct)
    assert options.__struct_config__.frozen


IMPORT_EVERYTHING = """
import importlib, json, pkgutil, signal, sys, threading
import prometheus_client, schedule

ACTS = ("socket.", "subprocess.", "os.fork", "os.exec", "os.posix_spawn", "os.remove", "os.rename", "os.mkdir",
        "_thread.start", "signal.")
acts = []

def watch(event, arguments):
    if event.startswith(ACTS) or (event == "open" and arguments[2] & 3):
        acts.append(f"{event} {arguments!r:.200}")

def state():
    return {
        "collectors": sorted(map(str, prometheus_client.REGISTRY._names_to_collectors)),
        "jobs": len(schedule.jobs),
        "threads": threading.active_count(),
        "signals": [str(signal.getsignal(number)) for number in signal.valid_signals()],
    }

import agent
before = state()
names = [module.name for module in pkgutil.walk_packages(agent.__path__, "agent.")]
sys.addaudithook(watch)
for name in names:
    importlib.import_module(name)
print(json.dumps({"before": before, "after": state(), "acts": acts, "imported": len(names)}))
"""


def in_fresh_process(code: str) -> Any:
    """Run code in an interpreter of its own and return the JSON it printed."""
    run = subprocess.run([sys.executable, "-B", "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def test_importing_every_module_changes_nothing() -> None:
    seen = in_fresh_process(IMPORT_EVERYTHING)
    assert seen["imported"] > 50
    assert seen["acts"] == []
    assert seen["after"] == seen["before"]


HEAVY = (
    "yaml",
    "jsonschema",
    "jsonschema_rs",
    "asyncio",
    "rich",
    "multiprocessing",
    "cronsim.tests",
    "unittest",
    "PIL",
)


def test_daemon_imports_nothing_heavy() -> None:
    code = (
        "import importlib, json, pkgutil, sys, agent.daemon;"
        "[importlib.import_module(m.name) for m in pkgutil.walk_packages(agent.daemon.__path__, 'agent.daemon.')];"
        "print(json.dumps(sorted(sys.modules)))"
    )
    assert sorted(set(in_fresh_process(code)) & set(HEAVY)) == []


def reached_points() -> Iterator[tuple[str, re.Pattern[str]]]:
    """Yield each call of `reach`: where it stands, and which points it can name."""
    for path, text in SOURCES.items():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "reach":
                (point,) = node.args
                parts = point.values if isinstance(point, ast.JoinedStr) else [point]
                pattern = "".join(
                    re.escape(str(part.value)) if isinstance(part, ast.Constant) else "[a-z_]+" for part in parts
                )
                yield f"{path.relative_to(ROOT)}:{node.lineno}", re.compile(pattern)


def test_every_fail_point_stands_at_exactly_one_place() -> None:
    calls = list(reached_points())
    named = {point: [where for where, pattern in calls if pattern.pattern == re.escape(point)] for point in POINTS}
    # `run.{to}` stands for the states of a run, and not for the points with names of their own.
    places = {
        point: where or [where for where, pattern in calls if pattern.fullmatch(point)]
        for point, where in named.items()
    }
    assert {point: where for point, where in places.items() if len(where) != 1} == {}


def test_every_place_reaches_a_listed_fail_point() -> None:
    lost = [where for where, pattern in reached_points() if not any(map(pattern.fullmatch, POINTS))]
    assert lost == []


def test_no_class_inherits_more_than_two_deep_and_no_error_more_than_three() -> None:
    code = """
import importlib, inspect, json, pkgutil, agent
from agent.errors import AgentError
classes = set()
for module in pkgutil.walk_packages(agent.__path__, "agent."):
    for value in vars(importlib.import_module(module.name)).values():
        if inspect.isclass(value) and value.__module__.startswith("agent."):
            classes.add(value)
def deep(c):
    return sum(b.__module__.startswith("agent.") for b in c.__mro__) > 2 + issubclass(c, AgentError)
print(json.dumps([c.__qualname__ for c in classes if deep(c)]))
"""
    assert in_fresh_process(code) == []


def imports(node: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield the line and the module of each import inside a node."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.ImportFrom):
            yield inner.lineno, inner.module or ""
        elif isinstance(inner, ast.Import):
            yield from ((inner.lineno, alias.name) for alias in inner.names)


def test_every_import_of_ours_for_its_types_alone_says_why() -> None:
    unexplained = [
        f"{path.relative_to(ROOT)}:{line}: {module}"
        for path, text in SOURCES.items()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for line, module in imports(node)
        if module.partition(".")[0] == "agent" and "#" not in "".join(text.splitlines()[node.lineno - 2 : line])
    ]
    assert unexplained == []


def test_every_import_inside_a_function_says_why() -> None:
    unexplained = [
        f"{path.relative_to(ROOT)}:{line}: {module}"
        for path, text in SOURCES.items()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef)
        for line, module in imports(node)
        if "#" not in "".join(text.splitlines()[line - 2 : line])
    ]
    assert unexplained == []


def test_every_command_has_a_module_of_its_name() -> None:
    modules = {path.stem for path in SOURCES if path.parent.name == "cli" and path.stem.endswith("_command")}
    assert modules == {f"{name.replace('-', '_')}_command" for name in COMMANDS}
