"""The scenarios that together reach every fail point, by name."""

from __future__ import annotations

from collections.abc import Mapping

from tests.system.scenarios import acts, backups, dues, incidents, logs, losses, notices, samples, stops
from tests.system.scenarios.scenario import Scenario

SCENARIOS: Mapping[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
        *(*acts.SCENARIOS, *losses.SCENARIOS, *stops.SCENARIOS, *dues.SCENARIOS),
        *backups.SCENARIOS,
        *logs.SCENARIOS,
        *notices.SCENARIOS,
        *incidents.SCENARIOS,
        *samples.SCENARIOS,
    )
}
