"""How far a whole server is brought back."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from agent.actions.backup._serving import target_of
from agent.actions.backup._subject import Subject
from agent.drivers.physical import RecoveryTarget
from agent.errors import RunFailed
from tests.actions.backup.fakes import Vault, drivers
from tests.actions.backup.restoring import options
from tests.fakes import context


def target(point_in_time: str | None) -> RecoveryTarget | None:
    return target_of(Subject(options(point_in_time=point_in_time), context(), drivers(Vault())))


def test_server_comes_back_as_it_was_backed_up_to_an_instant_or_to_the_end_of_its_log() -> None:
    assert target(None) is None
    assert target("2026-03-01T12:00:00Z") == RecoveryTarget(time=datetime(2026, 3, 1, 12, tzinfo=UTC))
    assert target("latest") == RecoveryTarget(latest=True)
    with pytest.raises(RunFailed, match="or `latest`"):
        target("lastest")
