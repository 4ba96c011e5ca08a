"""The registry finds actions by looking, and imports only what is asked for."""

from __future__ import annotations

import subprocess
import sys

import pytest

from agent import registry
from agent.errors import NotFound


def test_names_are_sorted_and_dotted() -> None:
    assert registry.names() == tuple(sorted(registry.names()))
    assert all(name.count(".") == 1 and "._" not in name for name in registry.names())


def test_names_import_no_action() -> None:
    code = (
        "import sys; from agent import registry; registry.names();"
        "print([name for name in sys.modules if name.startswith('agent.actions.')])"
    )
    listing = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert listing.stdout == "[]\n"


def test_box_imports_no_action() -> None:
    code = (
        "import sys; from agent import registry; registry.box_of('command.run', {'command': ['true']});"
        "registry.box_of('files.retain', {'paths': ['/srv']});"
        "print(sorted(name for name in sys.modules if name.count('.') == 3 and name.startswith('agent.actions.')))"
    )
    listing = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert listing.stdout == "['agent.actions.command._box', 'agent.actions.files._box']\n"


def test_box_of_an_unknown_action_names_the_nearest() -> None:
    with pytest.raises(NotFound, match=r"'files\.retian': did you mean files\.retain\?"):
        registry.box_of("files.retian", {})


def test_load_of_a_misspelt_name_names_the_nearest() -> None:
    with pytest.raises(NotFound, match=r"'files\.retian': did you mean files\.retain\?"):
        registry.load("files.retian")


def test_load_of_nothing_like_any_name_lists_the_known() -> None:
    with pytest.raises(NotFound, match=r"known actions: .*files\.retain"):
        registry.load("zzz")


def test_discover_returns_the_values_that_load_returns() -> None:
    assert registry.discover() == {name: registry.load(name) for name in registry.names()}
