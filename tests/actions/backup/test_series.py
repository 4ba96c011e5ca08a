from __future__ import annotations

import pytest
from msgspec.structs import replace

from agent.actions.backup._series import made_by
from tests.actions.backup.world import Host
from tests.fakes import EPOCH


@pytest.mark.parametrize(
    ("began", "mine"),
    [(-60.0, False), (0.25, True), (0.2499, True), (0.0, True), (5.0, True), (0.1, False), (3600.0, False)],
)
def test_made_by_is_what_began_since_the_run_did(host: Host, began: float, mine: bool) -> None:
    # Some engines tell when they began themselves, some in whole seconds; none knows what is to come.
    host.clock.advance(60.0)
    ctx = replace(host.context(), now=EPOCH.replace(microsecond=250_000))
    backup = replace(host.had("one", 0), began=EPOCH.timestamp() + began)
    assert (made_by(ctx, [backup]) == backup) is mine


def test_made_by_of_several_is_the_newest(host: Host) -> None:
    host.clock.advance(60.0)
    ctx = replace(host.context(), now=EPOCH)
    older, newer = (replace(host.had(name, 0), began=EPOCH.timestamp() + began) for name, began in (("a", 1), ("b", 2)))
    assert made_by(ctx, [older, newer]) == newer
    assert made_by(ctx, []) is None
