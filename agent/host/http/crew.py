"""A thread that does for connections what would make the others wait: handshakes, checks of passwords."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

from agent.host.http.connection import Connection

Outcome = object
"""What a job returned, or the exception that it raised."""

Then = Callable[[Outcome, Connection, float], None]
"""Hears of an outcome, of the connection that it is for, and of the time."""


class _Job(NamedTuple):
    connection: Connection
    work: Callable[[], object]
    then: Then


class Crew:
    """Does the jobs of each peer in their order, and one of each peer in turn, so that no peer waits for a crowd.

    The thread is started by the first job. `ring` makes the server's thread come for what is `done`.
    """

    def __init__(self, name: str, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._wanted = threading.Condition()
        self._by_peer: dict[str, deque[_Job]] = {}
        self._done: deque[tuple[_Job, Outcome]] = deque()
        self._stopping = False
        self._backlog = 0
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)

    def waiting(self, peer: str) -> int:
        """Given a peer, return how many of its jobs wait."""
        with self._wanted:
            return len(self._by_peer.get(peer, ()))

    def is_behind(self, most: int) -> bool:
        """Whether so many jobs of one peer wait, or more."""
        if self._backlog < most:
            return False
        with self._wanted:
            return max(map(len, self._by_peer.values()), default=0) >= most

    def submit(self, connection: Connection, work: Callable[[], object], then: Then) -> None:
        """Given a connection, what to do for it, and who is to hear of it, do so when its turn has come."""
        with self._wanted:
            self._by_peer.setdefault(connection.peer, deque()).append(_Job(connection, work, then))
            self._backlog += 1
            self._wanted.notify()
        if self._thread.ident is None:
            self._thread.start()

    def done(self) -> Iterator[tuple[Connection, Callable[[Connection, float], None]]]:
        """Yield each connection whose job is done, with what is to be told of it; for the server's thread."""
        while self._done:
            job, outcome = self._done.popleft()
            yield job.connection, partial(job.then, outcome)

    def stop(self) -> None:
        """End the thread after the job it is at."""
        with self._wanted:
            self._stopping = True
            self._wanted.notify()
        if self._thread.ident is not None:
            self._thread.join()

    def _work(self) -> None:
        while (job := self._next()) is not None:
            if job.connection.gone:
                self._ring()  # there is room for another one
                continue
            try:
                outcome = job.work()
            except Exception as error:  # it is the server's to judge
                outcome = error
            self._done.append((job, outcome))
            self._ring()

    def _next(self) -> _Job | None:
        with self._wanted:
            while not self._by_peer and not self._stopping:
                self._wanted.wait()
            if self._stopping:
                return None
            peer, jobs = next(iter(self._by_peer.items()))
            job = jobs.popleft()
            self._backlog -= 1
            del self._by_peer[peer]
            if jobs:
                self._by_peer[peer] = jobs  # at the end of the round
            return job
