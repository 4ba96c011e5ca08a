"""`make run` as a newcomer meets it: real maintenance within a minute, all of it in the metrics."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.agent import wait_for

ROOT = Path(__file__).resolve().parents[2]
PLACE = Path("/tmp/hostkeeper-quickstart")
WANTED = (
    'hostkeeper_runs_total{outcome="succeeded",task="tidy-files"}',
    'hostkeeper_runs_total{outcome="succeeded",task="disk-report"}',
    'hostkeeper_runs_total{outcome="succeeded",task="memory-report"}',
    'hostkeeper_threshold_firing{threshold="memory-in-use"}',
    'hostkeeper_objects_total{reason="among_latest",task="tidy-files"}',
)


@pytest.fixture
def quickstart(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    shutil.rmtree(PLACE, ignore_errors=True)
    hostkeeper = tmp_path / "hostkeeper"
    hostkeeper.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -m agent "$@"\n')
    hostkeeper.chmod(0o755)
    process = subprocess.Popen(
        ["sh", str(ROOT / "examples/quickstart/run.sh"), str(hostkeeper)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    yield process
    process.terminate()
    process.communicate()
    shutil.rmtree(PLACE, ignore_errors=True)


@pytest.mark.slow
def test_quickstart_shows_all_that_it_promises_within_a_minute(quickstart: subprocess.Popen[str]) -> None:
    def page() -> str:
        try:
            with urllib.request.urlopen("http://127.0.0.1:9750/metrics", timeout=5) as answer:
                return str(answer.read().decode())
        except OSError:
            return ""

    def missing() -> list[str]:
        lines = dict(line.rsplit(" ", 1) for line in page().splitlines() if not line.startswith("#"))
        return [name for name in WANTED if float(lines.get(name, 0)) < 1]

    wait_for(lambda: not missing(), seconds=60, saying=f"for {missing()}")
    assert len(list((PLACE / "files").iterdir())) >= 50
    quickstart.terminate()
    told, _ = quickstart.communicate(timeout=30)
    assert quickstart.returncode == 0
    for words in ("http://127.0.0.1:9750/metrics", "status --state /tmp/hostkeeper-quickstart/state"):
        assert words in told
    assert all(len(re.sub(r"\S+/__main__\.py", ".venv/bin/hostkeeper", line)) <= 80 for line in told.splitlines()), told
