"""What the calendar says of what the store knows."""

from __future__ import annotations

import json

from agent.model.reasons import Reason
from agent.store import Store
from tests.cli.policy import good
from tests.system.agent import AgentUnderTest

POLICY = """version: 1
tasks:
  often:
    schedule: {cron: "@daily", timezone: UTC}
    at_most: {times: 1, per: 1h}
    action: command.run
    with: {command: [/bin/true]}
"""


def test_calendar_of_a_held_task_says_so_until_it_is_released(agent: AgentUnderTest) -> None:
    agent.policy(POLICY)
    with Store(str(agent.state)) as store:
        store.holds.place("often", Reason.BREAKER_OPEN, "it ran once", 1.0)
    [entry] = json.loads(good(agent.command("calendar", "--days", "1", "--json")))["entries"]
    assert (entry["starts"], entry["skipped"], entry["reason"]) == (None, True, Reason.ON_HOLD)
    good(agent.command("release-hold", "often"))
    [entry] = json.loads(good(agent.command("calendar", "--days", "1", "--json")))["entries"]
    assert entry["starts"] == entry["due"]
