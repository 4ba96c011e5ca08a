"""Help is as wide as argparse itself would make it, without what argparse would load for that."""

from __future__ import annotations

import argparse
import subprocess
import sys

import pytest

from agent.cli.help import Help
from agent.cli.parser import get_parser


@pytest.mark.parametrize("columns", ["", "0", "wide", "60", "200"])
def test_help_is_as_wide_as_that_of_argparse(columns: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    ours = get_parser("check")
    assert ours.formatter_class is Help
    told = ours.format_help()
    ours.formatter_class = argparse.HelpFormatter
    assert told == ours.format_help()


def test_arguments_are_read_without_shutil() -> None:
    code = "import sys; from agent.cli.parser import get_parser; get_parser('check').parse_args(['check', '/x'])"
    told = subprocess.run(
        [sys.executable, "-I", "-c", f"{code}; print('shutil' in sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout == "False\n"
