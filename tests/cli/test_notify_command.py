from __future__ import annotations

import json
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agent.cli.notifying.test import send
from agent.drivers.notifiers import receivers_of
from agent.model.notices import Answer, State
from agent.store import Store
from tests.drivers.notifiers.peers import Answering, answer, ok, peer
from tests.notices import message, notice, notifier
from tests.system.agent import AgentUnderTest

POLICY = """version: 1
notifiers:
  ops: {{webhook: {{url_file: {place}/ops.url}}, group_wait: 1h}}
  pager: {{alertmanager: {{urls: ["http://127.0.0.1:1", "{url}"]}}}}
  chat: {{apprise: {{url_env: NO_SUCH_VARIABLE}}}}
"""


def prepared(agent: AgentUnderTest, url: str) -> None:
    (agent.place / "ops.url").write_text(f"{url}/s3cret-path\n")
    agent.policy(POLICY.format(place=agent.place, url=url))


def shown(agent: AgentUnderTest, *words: str) -> Any:
    return json.loads(agent.command("notify", *words, "--json").stdout)


@pytest.mark.parametrize(
    ("says", "code", "words"),
    [
        (ok(), 0, "ops: delivered: status 200"),
        (answer(403, "no access with s3cret-path"), 9, "ops: not delivered: status 403: no access with [masked]"),
    ],
)
def test_test_message_is_marked_and_its_answer_shown(
    agent: AgentUnderTest, says: Answering | bytes, code: int, words: str
) -> None:
    with peer(says) as server:
        prepared(agent, server.url)
        done = agent.command("notify", "test", "ops")
    assert (done.returncode, done.stdout.strip()) == (code, words)
    (got,) = server.received
    assert got["test"] is True
    assert "TEST" in got["subject"]
    assert not agent.state.exists()


def test_test_message_goes_to_each_receiver_and_all_must_take_it(agent: AgentUnderTest) -> None:
    with peer() as server:
        prepared(agent, server.url)
        done = agent.command("notify", "test", "pager", "--json")
    assert done.returncode == 9
    first, second = json.loads(done.stdout)
    assert (first["receiver"], first["delivered"]) == ("pager/1", False)
    assert (second["receiver"], second["delivered"]) == ("pager/2", True)


def test_test_message_without_an_address_says_what_to_do(agent: AgentUnderTest) -> None:
    prepared(agent, "http://127.0.0.1:2")
    done = agent.command("notify", "test", "chat")
    assert done.returncode == 9
    assert "the variable NO_SUCH_VARIABLE is not in the environment: set it for the agent" in done.stdout


def test_test_message_to_a_server_that_says_nothing_ends(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        (tmp_path / "url").write_text(f"http://127.0.0.1:{server.getsockname()[1]}/")
        (one,) = receivers_of(notifier(settings={"url_file": str(tmp_path / "url")}))
        assert send(one, message(), 0.2) == Answer(delivered=False, said="no answer within 0.2 s")


def test_test_message_to_nobody_names_the_nearest(agent: AgentUnderTest) -> None:
    prepared(agent, "http://127.0.0.1:2")
    done = agent.command("notify", "test", "pagr")
    assert done.returncode == 8
    assert "did you mean pager?" in done.stderr


def test_outbox_and_why_show_what_waits_and_what_was_refused(agent: AgentUnderTest) -> None:
    prepared(agent, "http://127.0.0.1:2")
    with Store(str(agent.state)) as store:
        store.outbox.put([notice(at=datetime.now(UTC).timestamp())])
        store.outbox.compose([message(id="m0"), message(id="m1")])
        kept = store.outbox.waiting("ops")
        assert kept is not None
        store.outbox.settle(kept, State.PARKED, "status 400: no", message().made)
    found = shown(agent, "outbox")
    assert [(one["id"], one["state"]) for one in found["messages"]] == [("m0", "parked"), ("m1", "waiting")]
    assert len(found["notices"]) == 1
    assert [(one["receiver"], one["waiting"], one["parked"]) for one in shown(agent, "list")] == [
        ("ops", 2, 1),
        ("pager/1", 0, 0),
        ("pager/2", 0, 0),
        ("chat", 0, 0),
    ]
    text = agent.command("notify", "outbox", "--bodies").stdout
    assert "status 400: no" in text
    assert "2 messages; 1 notices wait to be put into one" in text
    why = json.loads(agent.command("why", "ops", "--json").stdout)
    assert [one["reason"] for one in why] == ["grouping", "being_sent", "receiver_refused"]
    status = agent.command("status").stdout
    assert "ops refused 1 messages" in status
    assert shown(agent, "retry", "ops") == {"notifier": "ops", "released": 1}
    assert {one["state"] for one in shown(agent, "outbox")["messages"]} == {"waiting"}


def test_list_without_notifiers_says_where_to_read(agent: AgentUnderTest, tmp_path: Path) -> None:
    assert "docs/how-to/notify.md" in agent.command("notify", "list").stdout
