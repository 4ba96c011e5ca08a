"""Systemd is fed while the loop comes round, and told at once when it hangs; to starve is not to hang."""

from __future__ import annotations

import logging
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from agent.daemon.loop import Loop
from agent.daemon.pulse import LOOKS, Pulse
from agent.host.notify import Notifier
from tests.fakes import FakeClock
from tests.system.agent import wait_for

INTERVAL = 30.0


class Scene:
    """A loop that is turned by the test, watched by a pulse whose looks are the test's too."""

    def __init__(self, place: Path) -> None:
        self.now = 1000.0
        self.hungry = 7.0
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.listener.bind(str(place / "notify"))
        environment = {"NOTIFY_SOCKET": str(place / "notify"), "WATCHDOG_USEC": str(int(INTERVAL * 1e6))}
        self.notifier = Notifier(environment)
        self.loop = Loop(FakeClock(), lambda _: None, lambda: None)
        self.pulse = Pulse(self.notifier, self.loop, hungry=lambda: self.hungry, monotonic=lambda: self.now)

    def look_after(self, seconds: float, hungry: float = 0.0) -> str:
        """Let time pass, some of it without a processor, look, and return what systemd is told, "" for nothing."""
        self.now += seconds
        self.hungry += hungry
        self.pulse.look()
        try:
            return self.listener.recv(4096).decode()
        except BlockingIOError:
            return ""


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path)
    with made.listener, closing(made.notifier):
        made.pulse.look()
        made.listener.recv(4096)
        yield made
        made.loop.close()


def test_loop_that_comes_round_feeds_systemd_however_long_it_took(scene: Scene) -> None:
    for _ in range(3):
        scene.loop.turn(0.0)
        assert scene.look_after(1000.0) == "WATCHDOG=1"


def test_loop_that_hangs_is_told_within_the_interval_and_once(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    every = INTERVAL / LOOKS
    heard = [scene.look_after(every) for _ in range(LOOKS + 2)]
    fed = LOOKS - 2
    assert heard == ["WATCHDOG=1"] * fed + ["WATCHDOG=trigger"] + [""] * 3
    assert [record.levelno for record in caplog.records] == [logging.CRITICAL]
    assert "has hung for 25 s" in caplog.text


def test_loop_that_waits_for_a_processor_does_not_hang(scene: Scene) -> None:
    assert [scene.look_after(60.0, hungry=59.0) for _ in range(20)] == ["WATCHDOG=1"] * 20
    assert scene.look_after(60.0, hungry=54.0) == "WATCHDOG=trigger"


def test_loop_that_goes_on_after_a_hang_feeds_again(scene: Scene) -> None:
    assert scene.look_after(INTERVAL) == "WATCHDOG=trigger"
    scene.loop.turn(0.0)
    assert scene.look_after(1.0) == "WATCHDOG=1"
    assert scene.look_after(INTERVAL) == "WATCHDOG=trigger"


def test_callback_that_comes_back_is_progress_though_the_round_goes_on(scene: Scene) -> None:
    heard: list[str] = []
    for name in "abc":
        scene.loop.alarm(name, 0.0, lambda: heard.append(scene.look_after(20.0)))
    scene.loop.turn(0.0)
    assert heard == ["WATCHDOG=1"] * 3


def test_where_the_loop_hangs_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    free = threading.Event()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        environment = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "1000000"}
        loop = Loop(FakeClock(), lambda _: None, lambda: None)

        def hang_here() -> None:
            with closing(Notifier(environment)) as notifier, Pulse(notifier, loop):
                free.wait(30.0)

        thread = threading.Thread(target=hang_here)
        thread.start()
        wait_for(lambda: caplog.text or None)
        free.set()
        thread.join()
        loop.close()
    assert re.search(r"it hangs at\n.*hang_here", caplog.text, re.DOTALL)


def test_without_a_watchdog_there_is_no_thread(scene: Scene) -> None:
    before = threading.active_count()
    with Pulse(Notifier({}), scene.loop):
        assert threading.active_count() == before
