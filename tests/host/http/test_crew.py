"""The thread beside the server: whose turn it is, and what comes of jobs."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from agent.host.http.connection import Connection
from agent.host.http.crew import Crew, Outcome
from agent.host.http.security import Security
from tests.host.http.client import eventually


class Desk:
    """A crew whose first job waits until the desk is opened, so that the others queue up."""

    def __init__(self) -> None:
        self.rung = 0
        self.opened = threading.Event()
        self.order: list[str] = []
        self.told: list[tuple[str, Outcome]] = []
        self.crew = Crew("test", self._ring)

    def _ring(self) -> None:
        self.rung += 1

    def submit(self, connection: Connection, name: str, fails: bool = False) -> None:
        def work() -> str:
            self.opened.wait(10)
            self.order.append(name)
            if fails:
                raise OSError(name)
            return name

        self.crew.submit(connection, work, self._then)

    def _then(self, outcome: Outcome, connection: Connection, now: float) -> None:
        self.told.append((connection.peer, outcome))

    def settle(self) -> None:
        for connection, tell in self.crew.done():
            tell(connection, 0.0)


@contextmanager
def desk() -> Iterator[tuple[Desk, partial[Connection]]]:
    made = Desk()
    with socket.socket() as sock:
        try:
            yield made, partial(Connection, sock, security=Security())
        finally:
            made.opened.set()
            made.crew.stop()


def test_jobs_of_a_crowd_do_not_keep_another_peer_waiting() -> None:
    with desk() as (made, connection):
        for number in range(50):
            made.submit(connection(peer="crowd"), f"crowd {number}")
        made.submit(connection(peer="other"), "other 0")
        made.submit(connection(peer="other"), "other 1")
        assert eventually(lambda: made.crew.waiting("crowd") == 49)
        assert made.crew.waiting("other") == 2
        made.opened.set()
        assert eventually(lambda: made.rung == 52)
        assert made.order[:5] == ["crowd 0", "crowd 1", "other 0", "crowd 2", "other 1"]
        assert [name for name in made.order if name.startswith("crowd")] == [f"crowd {number}" for number in range(50)]


def test_outcome_is_told_to_whoever_submitted_failures_too() -> None:
    with desk() as (made, connection):
        made.opened.set()
        made.submit(connection(peer="a"), "good")
        made.submit(connection(peer="b"), "bad", fails=True)
        assert eventually(lambda: made.rung == 2)
        made.settle()
        assert made.told[0] == ("a", "good")
        assert isinstance(made.told[1][1], OSError)


def test_job_of_a_connection_that_has_gone_is_not_done() -> None:
    with desk() as (made, connection):
        first, gone = connection(peer="a"), connection(peer="a")
        made.submit(first, "first")
        made.submit(gone, "gone")
        gone.gone = True
        made.opened.set()
        assert eventually(lambda: made.rung == 2)
    assert made.order == ["first"]


def test_crew_without_jobs_has_no_thread() -> None:
    before = threading.active_count()
    with desk():
        assert threading.active_count() == before
