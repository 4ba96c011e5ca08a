"""The policies that are shipped do their work inside their boxes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.model.policies import Task
from agent.policy.load import load
from agent.probes.catalogue import SIGNALS
from agent.registry import names
from tests.system.bed.host import Host, host_up
from tests.system.conftest import SUITES

ROOT = Path(__file__).resolve().parents[3]
SHIPPED = (ROOT / "policies", ROOT / "examples" / "quickstart" / "policies")
QUICKSTART = "/tmp/hostkeeper-quickstart/files"
OLD = ("/var/crash/report", "/var/tmp/left", "/var/log/old.gz", "/var/cache/apt/archives/some_1_all.deb")
TASKS = {name: task for place in SHIPPED for name, task in load(str(place), SIGNALS, names()).tasks.items()}
pytestmark = pytest.mark.root


@pytest.fixture(scope="module", params=SUITES)
def shipped(request: pytest.FixtureRequest, _beds: None) -> Iterator[Host]:
    """A machine with all the policies that are shipped."""
    host = host_up(request.param)
    for path in (path for place in SHIPPED for path in sorted(place.glob("*.yaml"))):
        host.policy(path.read_text(encoding="utf-8").replace("enabled: false", "enabled: true"), path.name)
    host.run("install", "--directory", "--mode=2755", "/var/log/journal", "/var/crash", QUICKSTART)
    for old in OLD:
        host.run("install", "-D", "/dev/null", old)
        host.run("touch", "--date=2020-01-01", old)
    yield host
    host.bed.down()


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_shipped_task_does_its_work_in_its_box(shipped: Host, task: Task) -> None:
    told = shipped.command("run", task.name, "--ignore-needs", check=False)
    assert "state     succeeded" in told, told
    for refused in ("Read-only", "not permitted", "ermission denied", "W: ", "unreachable"):
        assert refused not in told, told


def test_what_is_due_to_go_has_gone(shipped: Host) -> None:
    for task in ("clean-crash-reports", "clean-var-tmp", "clean-rotated-logs", "free-space"):
        shipped.command("run", task)
    assert not [old for old in OLD if shipped.bed.path(old).exists()]
