from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path

import pytest

from agent.engine.sender import LOCK, Sender
from agent.engine.sender_protocol import Report, Request, load_report, load_request
from agent.host.flock import locked
from agent.model.notices import Answer, Message
from agent.store import Store
from tests.drivers.notifiers.peers import peer
from tests.engine.bench import Carrier, SenderBench
from tests.fakes import FakeClock
from tests.notices import NOW, notice, notifier

COMMAND = (sys.executable, "-I", "-m", "agent", "send-notices")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(str(tmp_path / "state")) as made:
        yield made


def sent(request: Request) -> Report | None:
    done = subprocess.run(COMMAND, input=request.encode(), stdout=subprocess.PIPE, timeout=60, check=False)
    assert done.returncode == 0
    return load_report(done.stdout)


def test_request_and_report_come_back_as_they_were() -> None:
    request = Request(directory="/x", host="shop", timezone="UTC", notifiers={"ops": notifier()}, alive=("ops",))
    assert load_request(request.encode()) == request
    report = Report(wake=NOW, seen=3)
    assert load_report(report.encode()) == report
    assert load_report(b'{"wake":') is None


def test_sender_sends_what_there_is_and_says_when_it_is_wanted_again(store: Store, tmp_path: Path) -> None:
    with peer() as server:
        (tmp_path / "url").write_text(server.url)
        one = notifier(settings={"url_file": str(tmp_path / "url")}, group_wait=0.0)
        store.outbox.put([notice(at=NOW)])
        request = Request(directory=store.directory, host="shop", timezone="UTC", notifiers={"ops": one})
        found = sent(request)
    assert found is not None
    assert found.seen == 1
    assert found.wake is not None
    assert [got["host"] for got in server.received] == ["shop"]
    assert store.outbox.standing("ops").delivered == 1


def test_sender_logs_a_failure_where_the_agent_logs(store: Store, tmp_path: Path) -> None:
    (tmp_path / "url").write_text("http://127.0.0.1:1/T0kenT0ken")
    one = notifier(settings={"url_file": str(tmp_path / "url")}, group_wait=0.0)
    store.outbox.put([notice(at=NOW)])
    request = Request(directory=store.directory, host="shop", timezone="UTC", notifiers={"ops": one})
    with subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as sender:
        assert sender.stdin is not None
        assert sender.stderr is not None
        sender.stdin.write(request.encode().decode())
        sender.stdin.close()
        line = sender.stderr.readline()
        sender.kill()
    assert "notifier ops: " in line
    assert "tried again in" in line
    assert "T0kenT0ken" not in line


def test_sender_beside_another_leaves_the_store_to_it(store: Store) -> None:
    store.outbox.put([notice()])
    request = Request(directory=store.directory, host="shop", timezone="UTC", notifiers={"ops": notifier()})
    with locked(f"{store.directory}/{LOCK}") as mine:
        assert mine
        found = sent(request)
    assert found is not None
    assert found.busy
    assert len(store.outbox.notices()) == 1


def test_sender_with_nothing_to_do_ends_at_once(store: Store) -> None:
    request = Request(directory=store.directory, host="shop", timezone="UTC", notifiers={"ops": notifier()})
    assert Sender(store, request, FakeClock(), UTC).work() == Report(wake=None, seen=0)


def test_sign_of_life_is_sent_beside_a_sender_and_nothing_else_with_it(store: Store, tmp_path: Path) -> None:
    with peer() as server:
        (tmp_path / "url").write_text(server.url)
        one = notifier(kind="deadman", settings={"url_file": str(tmp_path / "url"), "every": 60.0}, group_wait=0.0)
        store.outbox.put([notice()])
        request = Request(
            directory=store.directory, host="shop", timezone="UTC", notifiers={"ops": one}, alive=("ops",)
        )
        with locked(f"{store.directory}/{LOCK}"):
            assert sent(request) is None
    assert server.bodies == [b""]
    assert store.outbox.standing("ops").delivered == 1
    assert len(store.outbox.notices()) == 1


class Hanging(Carrier):
    """A receiver that says nothing until the test lets it."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = threading.Event()

    def send(self, message: Message) -> Answer:
        self.go_on.wait(60)
        return super().send(message)


def test_receiver_that_hangs_holds_up_no_other(store: Store) -> None:
    hanging = Hanging()
    carriers: dict[str, Carrier] = {"ops": hanging, "boss": Carrier()}
    bench = SenderBench(store, notifier(group_wait=0.0), notifier(name="boss", group_wait=0.0), carriers=carriers)
    for number in range(3):
        both = [notice(notifier=name, subject=f"t{number}", key=f"k{number}") for name in ("ops", "boss")]
        store.outbox.put(both)
        bench.composer.look(NOW)
        while len(carriers["boss"].got) <= number or store.outbox.waiting("boss") is not None:
            bench.delivery.look(NOW)
            bench.delivery.wait(0.05, lambda: NOW)
    assert hanging.got == []
    assert bench.delivery.busy
    hanging.go_on.set()
    bench.at(NOW)
    assert len(hanging.got) == 3


def test_answer_that_cannot_be_written_is_kept_and_nothing_is_sent_again(store: Store) -> None:
    bench = SenderBench(store, notifier(group_wait=0.0))
    store.outbox.put([notice()])
    bench.composer.look(NOW)
    bench.delivery.look(NOW)
    store.connection.rows("PRAGMA query_only = ON")
    for seconds in (60.0, 0.0, 0.0):  # the first ends with the answer
        bench.delivery.wait(seconds, lambda: NOW)
        bench.delivery.look(NOW)
    assert bench.delivery.busy
    store.connection.rows("PRAGMA query_only = OFF")
    bench.delivery.wait(0.0, lambda: NOW)
    assert not bench.delivery.busy
    assert len(bench.carriers["ops"].got) == 1
    assert store.outbox.standing("ops").delivered == 1


def test_apprise_that_is_missing_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("json://127.0.0.1:1/")
    code = (
        "import sys; sys.modules['apprise'] = None\n"
        "from agent.drivers.notifiers.apprise import open_receiver\n"
        "from agent.errors import RunFailed\n"
        f"try: open_receiver({{'url_file': {str(tmp_path / 'url')!r}}})\n"
        "except RunFailed as error: print(error)"
    )
    said = subprocess.run((sys.executable, "-c", code), capture_output=True, text=True, check=True).stdout
    assert "apt install apprise" in said
    assert "hostkeeper[notify]" in said


def test_what_a_message_has_as_data_is_masked_like_its_words(store: Store) -> None:
    bench = SenderBench(store, notifier())
    failed = "run: the command exited with code 1; its last words:\npassword=Tr0ub4dor"
    store.outbox.put([notice(detail=failed, description="see https://ops:Tr0ub4dor@wiki.example/")])
    bench.at(NOW + 10)
    (message,) = bench.carriers["ops"].got
    assert "password=[masked]" in message.items[0].notice.detail
    assert "Tr0ub4dor" not in str(message)
