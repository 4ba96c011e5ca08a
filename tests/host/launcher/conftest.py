"""The launchers that all tests of this folder are about: each has to pass every one of them."""

from __future__ import annotations

import pytest

from agent.host.unit_support import why_no_units
from tests.host.leftovers import can_make_groups


@pytest.fixture(params=["cgroup", "descent", "systemd"])
def kind(request: pytest.FixtureRequest) -> str:
    """Plain children, found once by control groups and once without them; and units of systemd."""
    if request.param == "cgroup" and not can_make_groups():
        pytest.skip("no cgroup 2 that this user may make groups in")
    if request.param == "systemd" and (reason := why_no_units()):
        pytest.skip(f"no units: {reason}")
    return str(request.param)
