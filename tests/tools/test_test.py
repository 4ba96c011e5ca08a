"""The suite's own script: what fails has a second try, alone, and is told of."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FAILS_ONCE = """
from pathlib import Path

def test_it():
    mark = Path("failed-before")
    first = not mark.exists()
    mark.touch()
    assert not first
"""
SKIPS = "import pytest; pytest.skip('no such device', allow_module_level=True)"


def ended(tmp_path: Path, alone: str, rest: str) -> tuple[int, str]:
    """Run the script on a suite of one file in either part; return its exit code and what it printed."""
    for name in ("tools/__init__.py", "tools/test.sh", "tools/failures.py", "tests/__init__.py", "tests/conftest.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "tests/allowed-skips.txt").write_text("# none\n")
    for name in ("daemon", "host", "policy", "probes", "rules", "trigger"):
        (tmp_path / "tests" / name).mkdir()
    watchdog = tmp_path / "tests/system/systemd/test_watchdog.py"
    watchdog.parent.mkdir(parents=True)
    watchdog.write_text("def test_it(): ...")
    (tmp_path / "tests/rules/test_alone.py").write_text(alone)
    (tmp_path / "tests/test_rest.py").write_text(rest)
    run = subprocess.run(
        ["sh", "tools/test.sh", sys.executable],
        cwd=tmp_path,
        env={**os.environ, "SOAK_ARGS": "none"},
        capture_output=True,
        text=True,
        check=False,
    )
    return run.returncode, run.stdout + run.stderr


@pytest.mark.parametrize("part", ["alone", "rest"])
def test_failure_that_a_second_try_does_not_have_is_told_of_and_forgiven(tmp_path: Path, part: str) -> None:
    fine = "def test_fine(): ..."
    code, said = ended(tmp_path, *((FAILS_ONCE, fine) if part == "alone" else (fine, FAILS_ONCE)))
    assert code == 0, said
    assert said.splitlines()[-1].startswith("FAILURE tests.")
    assert "::test_it: " in said.splitlines()[-1]


def test_failure_that_stays_fails_the_suite_and_is_told_of_twice(tmp_path: Path) -> None:
    code, said = ended(tmp_path, "def test_fine(): ...", "def test_it(): assert False")
    assert code == 1, said
    assert [line.startswith("FAILURE tests.") for line in said.splitlines()[-2:]] == [True, True]


def test_skip_that_is_not_listed_has_no_second_try(tmp_path: Path) -> None:
    code, said = ended(tmp_path, "def test_fine(): ...", SKIPS)
    assert code not in (0, 1), said
    assert "once more" not in said
