"""The scenarios that together reach every fail point, by name."""

from __future__ import annotations

from collections.abc import Mapping

from tests.system.scenarios.acts import RETAIN, SAYS_SKIP, STUCK, UNDO
from tests.system.scenarios.dues import EVERY_SECOND, MISSED, THRESHOLDS
from tests.system.scenarios.losses import ASK, BY_HAND, BY_HAND_AND_LOST, ORPHANS, ORPHANS_OF_BOTH, TAKEN_BACK
from tests.system.scenarios.scenario import Scenario
from tests.system.scenarios.stops import INTERRUPTED, OVERDUE, OVERDUE_AND_LOST, WINDOW_ENDS

SCENARIOS: Mapping[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
        *(RETAIN, UNDO, STUCK, SAYS_SKIP, ASK, TAKEN_BACK, ORPHANS, ORPHANS_OF_BOTH),
        *(
            INTERRUPTED,
            WINDOW_ENDS,
            OVERDUE,
            OVERDUE_AND_LOST,
            MISSED,
            EVERY_SECOND,
            THRESHOLDS,
            BY_HAND,
            BY_HAND_AND_LOST,
        ),
    )
}
