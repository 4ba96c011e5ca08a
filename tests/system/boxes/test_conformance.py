"""The launcher of units passes the suite that the launcher of plain children passes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.system.bed import Bed

ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.root


@pytest.mark.slow
def test_launcher_of_units_passes_the_tests_of_launchers(suite: str) -> None:
    places = {str(ROOT), sys.prefix} | ({sys.base_prefix} - {"/usr"})
    with Bed.up(suite, {place: place for place in places}) as bed:
        if bed.run(sys.executable, "-c", "import pytest", check=False).returncode:
            pytest.skip("the Python of this session does not run in this bed")
        tests = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "systemd", "tests/host/launcher"]
        done = bed.run("env", f"--chdir={ROOT}", *tests, check=False, timeout=100.0)
        assert done.returncode == 0, done.stdout
        assert "skipped" not in done.stdout, done.stdout
