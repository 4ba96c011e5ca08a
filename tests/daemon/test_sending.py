from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent.daemon.loop import Loop
from agent.daemon.sending import MOST_SECONDS, Sending
from agent.metrics import Metrics
from agent.model.policies import Notifier
from agent.probes.catalogue import SIGNALS
from agent.store import Store
from tests.fakes import FakeClock
from tests.notices import message, notice, notifier

SENDER = """
import json, sys
request = json.load(sys.stdin)
with open({log!r}, "a") as log:
    log.write(json.dumps([sorted(request["notifiers"]), request["alive"]]) + chr(10))
{body}
"""


class SendingBench:
    """The daemon's part, with a sender that is a program of the test's and a clock that the test moves."""

    def __init__(self, place: Path, body: str) -> None:
        self.log = place / "log"
        self.log.touch()
        self.store = Store(str(place / "state"))
        self.clock = FakeClock()
        self.loop = Loop(self.clock, lambda _: None, lambda: None)
        self.metrics = Metrics(SIGNALS, "0", 0.0)
        program = SENDER.format(log=str(self.log), body=body)
        command = (sys.executable, "-I", "-S", "-c", program)
        self.sending = Sending(self.store, self.loop, self.clock, "UTC", self.metrics, command)

    def force(self, *notifiers: Notifier) -> None:
        self.sending.put_in_force({one.name: one for one in notifiers})

    @property
    def started(self) -> list[list[list[str]]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def settle(self) -> None:
        """Turn the loop until no sender is at work."""
        while self.sending.working:
            self.loop.turn(1.0)

    def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.loop.turn(0.0)
        self.settle()

    def close(self) -> None:
        self.sending.stop()
        self.loop.close()
        self.store.close()


Make = Callable[[str], SendingBench]


def says(wake: float | None = None, seen: int = 0, busy: bool = False) -> str:
    return f"print({json.dumps({'wake': wake, 'seen': seen, 'busy': busy})!r})"


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    made: list[SendingBench] = []

    def one(body: str) -> SendingBench:
        made.append(SendingBench(tmp_path, body))
        return made[-1]

    yield one
    for bench in made:
        bench.close()


def test_sender_is_not_started_while_there_is_nothing_to_send(make: Make) -> None:
    bench = make(says())
    bench.force(notifier())
    for _ in range(3):
        bench.sending.look()
        bench.pass_time(3600)
    assert bench.started == []


def test_sender_is_started_for_a_notice_and_again_when_it_says_so(make: Make) -> None:
    bench = make(says(wake=FakeClock().now().timestamp() + 100, seen=1))
    bench.force(notifier())
    bench.store.outbox.put([notice()])
    bench.sending.look()
    bench.settle()
    assert bench.started == [[["ops"], []]]
    bench.pass_time(99)
    assert len(bench.started) == 1
    bench.pass_time(1)
    assert len(bench.started) == 2


def test_sender_is_started_in_time_after_the_clock_was_set_back(make: Make) -> None:
    bench = make(says(wake=FakeClock().now().timestamp() + 100, seen=1))
    bench.force(notifier())
    bench.store.outbox.put([notice()])
    bench.sending.look()
    bench.settle()
    bench.clock.step(-86400)
    bench.pass_time(100)
    assert len(bench.started) == 2


def test_sender_goes_on_after_a_restart_with_what_is_in_the_outbox(make: Make) -> None:
    bench = make(says(seen=0))
    bench.store.outbox.compose([message()])
    bench.force(notifier())
    bench.settle()
    assert len(bench.started) == 1


@pytest.mark.parametrize(
    "body", ["sys.exit(1)", "import os; os.kill(os.getpid(), 9)", "print('nonsense')", says(busy=True)]
)
def test_sender_that_comes_to_nothing_is_started_again_with_growing_pauses(make: Make, body: str) -> None:
    bench = make(body)
    bench.force(notifier())
    bench.store.outbox.put([notice()])
    bench.sending.look()
    bench.settle()
    assert len(bench.started) == 1
    bench.sending.look()
    bench.pass_time(1.9)
    assert len(bench.started) == 1
    bench.pass_time(0.2)
    assert len(bench.started) == 2
    bench.pass_time(MOST_SECONDS)
    assert len(bench.started) == 3


def test_sender_at_work_is_ended_when_its_notifiers_change(make: Make) -> None:
    bench = make("import time; time.sleep(60)")
    bench.force(notifier())
    bench.store.outbox.put([notice()])
    bench.sending.look()
    assert bench.sending.working
    bench.force(notifier(name="boss"))
    assert bench.sending.working
    bench.force()


def test_metrics_tell_how_it_goes_with_each_receiver(make: Make) -> None:
    bench = make(says(seen=2))
    bench.store.outbox.compose([message(receiver="pager/2", made=5.0)])
    settings = {"urls": ["http://a", "http://b"], "resend": 60.0, "labels": {}}
    bench.force(notifier(), notifier(name="pager", kind="alertmanager", settings=settings))
    bench.settle()
    text = bench.metrics.render(openmetrics=False, gzipped=False).decode()
    assert 'hostkeeper_notifier_waiting{notifier="pager/2"} 1' in text
    assert 'hostkeeper_notifier_oldest_waiting_timestamp_seconds{notifier="pager/2"} 5' in text
    assert 'hostkeeper_notifier_delivered_total{notifier="ops"} 0' in text


def test_metrics_tell_how_it_goes_while_the_sender_is_at_work(make: Make) -> None:
    bench = make("import time; time.sleep(60)")
    bench.force(notifier())
    bench.store.outbox.put([notice()])
    bench.sending.look()
    bench.store.outbox.compose([message(id="m1"), message(id="m2")], taken=bench.store.outbox.notices())
    bench.sending.look()
    text = bench.metrics.render(openmetrics=False, gzipped=False).decode()
    assert bench.sending.working
    assert 'hostkeeper_notifier_waiting{notifier="ops"} 2' in text
