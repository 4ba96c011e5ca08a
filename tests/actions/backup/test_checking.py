"""What the first step of `backup.create` says of databases that it must not or cannot look at."""

from __future__ import annotations

import pytest

from agent.drivers.database import Look
from agent.drivers.serving import NoPlace
from tests.actions.backup.fakes import FakeDatabase
from tests.actions.backup.world import Host


class Unseen(FakeDatabase):
    """A database that takes a file to look at, where none can be written."""

    def look(self) -> Look:
        raise NoPlace("nowhere to write")


def test_create_previews_where_a_database_cannot_be_looked_at_without_writing(host: Host) -> None:
    host.shop = Unseen()
    assert "not looked at" in str(host.previews()["check"].facts["shop"])
    with pytest.raises(NoPlace):
        host.run()
