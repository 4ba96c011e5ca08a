"""The status page of an agent that is held to its unit: the process that draws it lives in the same box."""

from __future__ import annotations

import pytest

from tests.system.agent import wait_for
from tests.system.bed.host import Host

pytestmark = pytest.mark.root

POLICY = """version: 1
tasks:
  hello: {schedule: "@daily", action: command.run, with: {command: [echo, hello]}}
thresholds:
  busy: {signal: load.1m, above: 1000000}
"""


def test_page_is_drawn_in_the_box_of_the_agent(host: Host) -> None:
    host.policy(POLICY)
    host.start()
    wait_for(lambda: "All is well" in host.get("/")[1])
    host.run("hostkeeper", "run", "hello")
    status, page = host.get("/?task=hello")
    assert status == 200
    assert "succeeded" in page
    for view in ("tasks", "calendar", "history", "signals"):
        assert host.get(f"/?view={view}")[0] == 200
    assert "cannot be shown" not in host.get("/")[1]
