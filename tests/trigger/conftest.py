"""The tz database, looked through once."""

from __future__ import annotations

import pytest

from tests.trigger.oracle import World
from tests.trigger.oracle import world as look_through


@pytest.fixture(scope="session")
def world() -> World:
    return look_through()
