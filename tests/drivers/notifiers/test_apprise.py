"""Apprise's own library against servers of HTTP."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.drivers.notifiers.apprise import open_receiver
from agent.errors import RunFailed
from agent.model.notices import Event
from agent.model.policies import Severity
from tests.drivers.notifiers.peers import answer, ok, peer
from tests.notices import message

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
"""Of what Apprise imports."""


def written(place: Path, url: str) -> dict[str, str]:
    (place / "url").write_text(f"{url}\n")
    return {"url_file": str(place / "url")}


def test_apprise_carries_subject_and_body(tmp_path: Path) -> None:
    with peer() as server:
        driver = open_receiver(written(tmp_path, f"json://127.0.0.1:{server.port}/hook"))
        assert driver.send(message()).delivered
    (got,) = server.received
    assert (got["title"], got["message"]) == (message().subject, message().body)
    assert got["type"] == "warning"


def test_apprise_is_told_of_an_end_as_of_something_good(tmp_path: Path) -> None:
    with peer() as server:
        driver = open_receiver(written(tmp_path, f"json://127.0.0.1:{server.port}/hook"))
        assert driver.send(message(event=Event.CLEARED, severity=Severity.CRITICAL)).delivered
        assert driver.send(message(severity=Severity.CRITICAL)).delivered
    assert [one["type"] for one in server.received] == ["success", "failure"]


def test_apprise_that_cannot_deliver_says_why_without_the_address(tmp_path: Path) -> None:
    with peer(answer(500), ok()) as server:
        driver = open_receiver(written(tmp_path, f"json://ops:hunter2secret@127.0.0.1:{server.port}/T0kenT0ken"))
        found = driver.send(message())
        assert driver.send(message()).delivered
    assert (found.delivered, found.permanent) == (False, False)
    assert "500" in found.said
    assert "hunter2secret" not in found.said
    assert "T0kenT0ken" not in found.said


@pytest.mark.parametrize("url", ["nosuch://x/y", "json://", "discord://T0kenT0ken"])
def test_apprise_refuses_an_address_that_it_does_not_know_and_logs_none_of_it(
    tmp_path: Path, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(RunFailed, match="none that Apprise knows"):
        open_receiver(written(tmp_path, url))
    assert caplog.records == []
