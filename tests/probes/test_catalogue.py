"""The signals that can be named."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from agent.probes.catalogue import ASKED_FOR, GROUPS, SIGNALS, group_of

SUFFIXES = {
    "percent": r".*_percent",
    "bytes": r".*_bytes",
    "bytes_per_second": r".*_bytes_per_second",
    "per_second": r".*(?<!bytes)_per_second",
    "seconds": r".*\.seconds",
    "celsius": r".*\.celsius",
    "": r".*(?<!_percent)(?<!_bytes)(?<!_second)",
}


@pytest.mark.parametrize("name", SIGNALS)
def test_name_is_regular_and_ends_with_its_unit(name: str) -> None:
    spec = SIGNALS[name]
    assert spec.name == name
    assert re.fullmatch(r"[a-z_]+(\.[a-z0-9_]+)+", name)
    assert re.fullmatch(SUFFIXES[spec.unit], name)
    assert group_of(name) in GROUPS
    assert spec.help.endswith(".")
    assert set(spec.required) <= set(spec.labels)


def test_only_what_is_asked_for_by_name_must_be_named() -> None:
    assert {group_of(spec.name) for spec in SIGNALS.values() if spec.required} == ASKED_FOR


def test_catalogue_is_light() -> None:
    code = "import json, sys, agent.probes.catalogue; print(json.dumps([m for m in sys.modules if m == 'psutil']))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(run.stdout) == []
