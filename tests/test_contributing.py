"""The action that CONTRIBUTING.md shows is whole: added to a copy of the tree, everything finds it and passes."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools.house import schemas

ROOT = Path(__file__).resolve().parents[1]
FILE = re.compile(r"^`(?P<name>[\w./]+)`\n\n```(?:python|json)\n(?P<text>.*?)^```", re.MULTILINE | re.DOTALL)
SHOWN = {
    found["name"]: found["text"] for found in FILE.finditer((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the tree to which the files that CONTRIBUTING.md shows were added."""
    copy = tmp_path_factory.mktemp("tree")
    for name in ("agent", "schemas", "tests", "tools"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "CONTRIBUTING.md"):
        shutil.copy(ROOT / name, copy / name)
    for name, text in SHOWN.items():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_text(text, encoding="utf-8")
    return copy


def run(tree: Path, *command: str) -> str:
    """Run a Python module in the copied tree and return its output; it must succeed."""
    done = subprocess.run([sys.executable, "-m", *command], cwd=tree, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_shown_files_are_an_action_its_schema_and_its_test() -> None:
    assert sorted(SHOWN) == [
        "agent/actions/demo/__init__.py",
        "agent/actions/demo/pause.py",
        "schemas/actions/demo.pause.json",
        "tests/actions/demo/__init__.py",
        "tests/actions/demo/test_pause.py",
    ]


def test_shown_action_passes_the_tests_of_the_house_and_its_own(tree: Path) -> None:
    out = run(
        tree,
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "tests/test_house.py",
        "tests/actions/demo",
        "-k",
        "pause or action",
    )
    assert "passed" in out


def test_shown_action_is_found_by_the_registry(tree: Path) -> None:
    code = "from agent import registry; import sys; sys.exit(registry.load('demo.pause').summary != 'Wait for a while')"
    subprocess.run([sys.executable, "-c", code], cwd=tree, check=True)


def test_shown_schema_has_no_flaw() -> None:
    schema = json.loads(SHOWN["schemas/actions/demo.pause.json"])
    assert list(schemas.check({"actions/demo.pause.json": schema})) == []


def test_shown_code_is_formatted_linted_and_typed(tree: Path) -> None:
    shown = [name for name in SHOWN if name.endswith(".py")]
    run(tree, "ruff", "format", "--check", *shown)
    run(tree, "ruff", "check", *shown)
    run(tree, "mypy", *shown)


@pytest.mark.parametrize("missing", [name for name in SHOWN if not name.endswith("__init__.py")])
def test_shown_action_without_one_of_its_files_is_named_by_the_tests_of_the_house(tree: Path, missing: str) -> None:
    (tree / missing).rename(tree / "aside")
    try:
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "tests/test_house.py",
            "-k",
            "has_a_module",
        ]
        done = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)
    finally:
        (tree / "aside").rename(tree / missing)
    assert done.returncode == 1
    assert missing in done.stdout
