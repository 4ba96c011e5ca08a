"""When a restic that has read everything is given up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agent.drivers.database import Tools
from agent.drivers.repositories.restic.site import of_settings
from agent.drivers.repositories.restic.stalled import Stalled
from agent.errors import RunFailed
from tests.fakes import FakeClock, FakeProcesses
from tests.host.trees import mounted

ALL = {"files_done": 3, "total_files": 3, "bytes_done": 70, "total_bytes": 70}


class Restic:
    """A restic whose progress is heard once in a second."""

    def __init__(self, **settings: Any) -> None:
        self.clock = FakeClock()
        tools = Tools(
            processes=FakeProcesses(),
            clock=self.clock,
            stop=lambda: False,
            progress=lambda _done, _total, _unit: None,
            scratch="/nowhere",
            keep="/nowhere",
        )
        self.stalled = Stalled(of_settings("local", {"password_file": "/nowhere"} | settings, tools))
        self.stalled.scanned = True

    def says(self, seconds: int, **said: int) -> None:
        for _ in range(seconds):
            self.clock.advance(1)
            self.stalled.heed(said)


def test_restic_that_has_read_everything_and_does_not_end_is_given_up() -> None:
    restic = Restic(repository="/")
    restic.says(590, **ALL)
    with pytest.raises(RunFailed, match=r"has read everything and does not end: look"):
        restic.says(20, **ALL)


@pytest.mark.root
def test_restic_that_writes_to_a_full_disk_is_given_up_soon(tmp_path: Path) -> None:
    with mounted("-t", "tmpfs", "-o", "size=1m", "tmpfs", tmp_path):
        restic = Restic(repository=str(tmp_path))
        restic.says(25, **ALL)
        with pytest.raises(RunFailed, match="No space left on device"):
            restic.says(10, **ALL)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"repository": "sftp:backup@vault:/shop"}, {}),
        ({"repository": "/", "limit_upload": 1024}, {}),
        ({"repository": "/"}, {"bytes_done": 69}),
        ({"repository": "/"}, {"files_done": 2}),
    ],
)
def test_restic_that_may_still_read_or_send_is_waited_for(settings: dict[str, Any], said: dict[str, int]) -> None:
    Restic(**settings).says(3600, **(ALL | said))


def test_restic_that_goes_on_is_waited_for() -> None:
    restic = Restic(repository="/")
    for more in range(10):
        restic.says(500, **(ALL | {"bytes_done": 70 + more}))


def test_restic_that_has_not_looked_at_everything_is_waited_for() -> None:
    restic = Restic(repository="/")
    restic.stalled.scanned = False
    restic.says(3600, **ALL)
