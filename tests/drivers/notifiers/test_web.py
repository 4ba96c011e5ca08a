"""Webhooks and dead man's switches against a server of HTTP."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.drivers.notifier import Driver
from agent.drivers.notifiers import open_receiver, receivers_of
from agent.errors import RunFailed
from agent.model.notices import Event, Item
from tests.drivers.notifiers.peers import Peer, answer, ok, peer
from tests.notices import message, notice, notifier


def address(place: Path, url: str) -> dict[str, str]:
    (place / "url").write_text(f"{url}\n")
    return {"url_file": str(place / "url")}


def opened(place: Path, server: Peer, kind: str) -> Driver:
    (receiver,) = receivers_of(notifier(kind=kind, settings=address(place, f"{server.url}/token/x")))
    return open_receiver(receiver)


def test_webhook_gets_the_message_as_json_under_its_id(tmp_path: Path) -> None:
    with peer() as server:
        assert opened(tmp_path, server, "webhook").send(message()).delivered
    (got,) = server.received
    assert got["id"] == message().id
    assert got["items"][0]["labels"] == {"mountpoint": "/"}
    assert got["items"][0]["value"] == 93.5
    assert f"Idempotency-Key: {message().id}" in server.heads[0]
    assert server.heads[0].startswith("POST /token/x HTTP/1.1")


def test_webhook_that_answers_with_a_whole_page_has_taken_the_message(tmp_path: Path) -> None:
    with peer(answer(200, "<p>" * 100_000)) as server:
        assert opened(tmp_path, server, "webhook").send(message()).delivered


@pytest.mark.parametrize(
    ("event", "path"),
    [
        (Event.START, "/token/x/start"),
        (Event.SUCCESS, "/token/x"),
        (Event.RECOVERY, "/token/x"),
        (Event.FAILURE, "/token/x/fail"),
        (Event.MISSED, "/token/x/fail"),
        (Event.TRY, "/token/x/log"),
        (Event.SKIPPED, "/token/x/log"),
    ],
)
def test_deadman_pings_what_has_happened(tmp_path: Path, event: Event, path: str) -> None:
    items = (Item(notice=notice(event=event), lasted=0.0),)
    with peer() as server:
        assert opened(tmp_path, server, "deadman").send(message(items=items)).delivered
    assert [head.split()[1] for head in server.heads] == [path]


def test_deadman_hears_that_the_agent_is_healthy(tmp_path: Path) -> None:
    with peer(answer(503), ok()) as server:
        switch = opened(tmp_path, server, "deadman")
        assert [switch.alive().delivered, switch.alive().delivered] == [False, True]
    assert [head.split()[1] for head in server.heads] == ["/token/x", "/token/x"]


@pytest.mark.parametrize(
    "text", ["", "not an address\n", "ftp://x/\n", "http://\n", "http://h ost/\n", "http://h:x/\n"]
)
def test_address_that_is_none_is_refused_without_being_shown(tmp_path: Path, text: str) -> None:
    (tmp_path / "url").write_text(text)
    (receiver,) = receivers_of(notifier(settings={"url_file": str(tmp_path / "url")}))
    with pytest.raises(RunFailed) as caught:
        open_receiver(receiver)
    assert "h ost" not in str(caught.value)


def test_address_may_come_from_the_environment_or_a_credential(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ops").write_text("http://127.0.0.1:1/x\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("OPS_URL", "http://127.0.0.1:1/x")
    for settings in ({"url_credential": "ops"}, {"url_env": "OPS_URL"}):
        (receiver,) = receivers_of(notifier(settings=settings))
        open_receiver(receiver)
    for settings in ({"url_credential": "other"}, {"url_env": "OTHER_URL"}, {"url_file": "/nonexistent/url"}):
        (receiver,) = receivers_of(notifier(settings=settings))
        with pytest.raises(RunFailed):
            open_receiver(receiver)


def test_notifier_of_several_alertmanagers_has_a_receiver_for_each() -> None:
    urls = ["http://a:9093", "http://b:9093"]
    found = receivers_of(notifier(name="pager", kind="alertmanager", settings={"urls": urls}))
    assert [(one.name, one.settings["url"]) for one in found] == [("pager/1", urls[0]), ("pager/2", urls[1])]
