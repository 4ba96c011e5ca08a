"""File systems that may never answer."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.probes.remote import ANSWER_SPOILS_AFTER, MOST_THREADS, RemoteFileSystems

PATH = b"/net"


class Server:
    """A file system that answers when it is let; until then whoever asks hangs."""

    def __init__(self) -> None:
        self.answering = threading.Event()
        self.asked = 0
        self.fails = False

    def statvfs(self, path: bytes) -> os.statvfs_result:
        self.asked += 1
        self.answering.wait(30)
        if self.fails:
            raise OSError(116, "Stale file handle")
        return os.statvfs("/")


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.answering.set()


def threads_of_questions() -> int:
    return sum(thread.name == "statvfs" for thread in threading.enumerate())


def until_answered() -> None:
    for thread in threading.enumerate():
        if thread.name == "statvfs":
            thread.join(10)


def test_healthy_server_is_told_at_once(server: Server) -> None:
    server.answering.set()
    assert RemoteFileSystems(server.statvfs).ask(PATH, 0.0).f_blocks > 0


def test_real_file_system_is_asked_for_itself(tmp_path: Path) -> None:
    numbers = RemoteFileSystems().ask(os.fsencode(tmp_path), 0.0)
    assert numbers.f_blocks == os.statvfs(tmp_path).f_blocks


def test_silent_server_is_reported_and_asked_only_once(server: Server) -> None:
    remote = RemoteFileSystems(server.statvfs)
    for now in (0.0, 10.0, 20.0):
        with pytest.raises(BlockingIOError, match="has not answered yet"):
            remote.ask(PATH, now)
    assert (server.asked, threads_of_questions()) == (1, 1)


def test_server_that_falls_silent_is_told_of_for_a_while_and_then_reported(server: Server) -> None:
    server.answering.set()
    remote = RemoteFileSystems(server.statvfs)
    remote.ask(PATH, 0.0)
    server.answering.clear()
    assert remote.ask(PATH, 10.0).f_blocks > 0
    with pytest.raises(TimeoutError, match="has not answered for 131 s"):
        remote.ask(PATH, ANSWER_SPOILS_AFTER + 11)
    server.answering.set()
    until_answered()
    assert remote.ask(PATH, ANSWER_SPOILS_AFTER + 20).f_blocks > 0


def test_error_of_the_server_is_passed_on(server: Server) -> None:
    server.fails = True
    server.answering.set()
    with pytest.raises(OSError, match="Stale file handle"):
        RemoteFileSystems(server.statvfs).ask(PATH, 0.0)


@pytest.mark.parametrize("forget", [True, False])
def test_threads_that_hang_are_bounded(server: Server, forget: bool) -> None:
    remote = RemoteFileSystems(server.statvfs)
    for number in range(3 * MOST_THREADS):
        with pytest.raises(BlockingIOError):
            remote.ask(f"/net/{number}".encode(), 0.0)
        if forget:
            remote.keep(set())
    assert threads_of_questions() == MOST_THREADS


def test_answers_that_are_of_no_more_interest_are_forgotten(server: Server) -> None:
    server.answering.set()
    remote = RemoteFileSystems(server.statvfs)
    remote.ask(PATH, 0.0)
    remote.keep(set())
    server.answering.clear()
    with pytest.raises(BlockingIOError):
        remote.ask(PATH, 10.0)
