"""No test is skipped unseen: what is skipped must be listed with a reason."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import UNLISTED

SKIPPING = """
import pytest

@pytest.mark.skip(reason="no such device")
def test_a(): ...

@pytest.mark.xfail(reason="known to be wrong")
def test_b(): assert False

def test_c(): ...
"""
WHOLE = "import pytest; pytest.skip('no such bus', allow_module_level=True)"


def outcome(tmp_path: Path, listed: str, *arguments: str) -> tuple[int, str]:
    """Run skipped tests, a skipped file and a good test with a list of allowed skips; return exit code and output."""
    shutil.copy(Path(__file__).with_name("conftest.py"), tmp_path / "conftest.py")
    (tmp_path / "allowed-skips.txt").write_text(listed, encoding="utf-8")
    (tmp_path / "test_it.py").write_text(SKIPPING, encoding="utf-8")
    (tmp_path / "test_whole.py").write_text(WHOLE, encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        *arguments,
        "test_it.py",
        "test_whole.py",
    ]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    return run.returncode, run.stdout + run.stderr


@pytest.mark.parametrize("processes", ["0", "2"])
def test_skips_that_are_not_listed_fail_and_are_named(tmp_path: Path, processes: str) -> None:
    code, said = outcome(tmp_path, "# none\n", "--listed-skips-only", "--numprocesses", processes)
    assert code == UNLISTED
    assert "SKIPPED, and not listed in tests/allowed-skips.txt: test_it.py::test_a" in said
    assert "SKIPPED, and not listed in tests/allowed-skips.txt: test_it.py::test_b" in said
    assert "SKIPPED, and not listed in tests/allowed-skips.txt: test_whole.py" in said
    assert "1 passed, 2 skipped, 1 xfailed" in said


def test_skips_that_are_listed_pass(tmp_path: Path) -> None:
    listed = "test_it.py::test_a | no device here\ntest_it.py::test_b | wrong upstream\ntest_whole.py | the same\n"
    assert outcome(tmp_path, listed, "--listed-skips-only")[0] == pytest.ExitCode.OK


def test_skips_listed_without_a_reason_are_refused(tmp_path: Path) -> None:
    code, said = outcome(tmp_path, "test_it.py::test_a\n", "--listed-skips-only")
    assert code != pytest.ExitCode.OK
    assert "no reason given for test_it.py::test_a" in said


def test_skips_are_free_where_nobody_asks_for_the_list(tmp_path: Path) -> None:
    assert outcome(tmp_path, "# none\n")[0] == pytest.ExitCode.OK
