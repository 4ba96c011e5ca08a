"""A real Alertmanager hears of what fires, goes on hearing of it, and hears that it is over."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from agent.drivers.notifiers import open_receiver, receivers_of
from agent.drivers.notifiers.alertmanager import Alertmanager as Driver
from agent.model.notices import Event, Item, Message
from tests.notices import message, notice, notifier
from tests.system.agent import wait_for
from tests.system.prometheus.servers import Alertmanager, alertmanager

SETTINGS = {"resend": 60.0, "labels": {"team": "shop"}}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alertmanager]:
    place = tmp_path_factory.mktemp("alertmanager")
    config = place / "config.yml"
    config.write_text("route: {receiver: nobody}\nreceivers: [{name: nobody}]\n")
    with alertmanager(place, config) as made:
        yield made


def told(name: str, event: Event, since: float, at: float, **changes: object) -> Message:
    one = notice(subject=name, event=event, since=since, at=at, **changes)
    return message(items=(Item(notice=one, lasted=at - since),))


def test_alertmanager_takes_what_fires_and_what_is_over(server: Alertmanager) -> None:
    (receiver,) = receivers_of(notifier(kind="alertmanager", settings={"url": f"http://{server.address}", **SETTINGS}))
    driver, now = open_receiver(receiver), datetime.now(UTC).timestamp()
    awkward = (("mountpoint", '/größe\n"x"'), ("severity", "theirs"), ("9a-b", "x"))
    assert driver.send(told("filling", Event.FIRED, now, now, labels=awkward)).delivered
    alert = wait_for(lambda: server.active().get("filling"))
    assert alert["labels"] == {
        "alertname": "filling",
        "host": "shop",
        "kind": "threshold",
        "severity": "warning",
        "signal": "disk.used_percent",
        "team": "shop",
        "mountpoint": '/größe\n"x"',
        "exported_severity": "theirs",
        "_9a_b": "x",
    }
    assert alert["annotations"]["summary"] == "The root file system is nearly full"
    assert driver.send(told("filling", Event.CLEARED, now, now + 0.001, labels=awkward)).delivered
    wait_for(lambda: "filling" not in server.active(), saying="for the alert to be over")


def test_alertmanager_does_not_resolve_what_it_is_told_again(server: Alertmanager) -> None:
    """An alert that lasts for seconds goes on while it is told again, and ends by itself when it is not."""
    quick = Driver(f"http://{server.address}", 0.25, {}, lambda: datetime.now(UTC))
    since = datetime.now(UTC).timestamp()
    first = None
    while datetime.now(UTC).timestamp() - since < 1.6:
        assert quick.send(told("lasting", Event.REMINDER, since, since)).delivered
        alert = wait_for(lambda: server.active().get("lasting"))
        first = first or alert["startsAt"]
        assert alert["startsAt"] == first
    wait_for(lambda: "lasting" not in server.active(), saying="for an alert that nobody tells of to end")


def test_alertmanager_takes_a_test_and_clocks_that_run_backwards(server: Alertmanager) -> None:
    (receiver,) = receivers_of(notifier(kind="alertmanager", settings={"url": f"http://{server.address}", **SETTINGS}))
    driver, now = open_receiver(receiver), datetime.now(UTC).timestamp()
    assert driver.send(replace(message(), items=(), test=True)).delivered
    assert wait_for(lambda: server.active().get("HostkeeperTest"))
    backwards = told("backwards", Event.CLEARED, now, now - 100)
    assert driver.send(backwards).delivered
    assert driver.send(told("run", Event.FAILURE, now - 5, now, signal="", labels=(), run=7)).delivered
    assert wait_for(lambda: server.active().get("run"))["labels"]["kind"] == "task"


def test_alertmanager_that_does_not_understand_refuses_for_good(server: Alertmanager, tmp_path: Path) -> None:
    url = f"http://{server.address}/nowhere"
    (receiver,) = receivers_of(notifier(kind="alertmanager", settings={"url": url, **SETTINGS}))
    found = open_receiver(receiver).send(message())
    assert (found.delivered, found.permanent) == (False, True)
