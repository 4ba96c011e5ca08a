"""The web configuration in force: what is put in force, what stands in the way, and what is told of it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from agent.daemon.compiler import COMMAND
from agent.daemon.loop import Loop
from agent.daemon.web import Web
from agent.host.clock import SystemClock
from agent.host.http import Security
from tests.certificates import Authority

HASH = "$2y$04$3V/LCfV9PnVP0an1Jd5u7u7DTWdNVcNyUM.GOh4QeYpmVLSbUrqqq"
USERS = f"basic_auth_users: {{prometheus: {HASH}}}\n"
TLS = "tls_server_config: {cert_file: server.crt, key_file: server.key}\n"


class Desk:
    """A web configuration on a loop that the test turns."""

    def __init__(self, place: Path, command: Sequence[str] = COMMAND) -> None:
        self.path = place / "web.yml"
        self.served: list[Security] = []
        self.told = 0
        self.errors = 0
        self.loop = Loop(SystemClock(), lambda _: None, self._erred)
        self.web = Web(str(self.path), SystemClock(), serve=self.served.append, told=self._tell, command=command)

    def _tell(self) -> None:
        self.told += 1

    def _erred(self) -> None:
        self.errors += 1

    def write(self, text: str) -> None:
        draft = self.path.with_suffix(".draft")
        draft.write_text(text)
        draft.chmod(0o600)
        os.replace(draft, self.path)

    def start(self, text: str | None = None) -> None:
        if text is not None:
            self.write(text)
        self.web.start(self.loop)

    def reload(self, text: str) -> None:
        self.write(text)
        self.web.reload()

    def turn_until(self, condition: Callable[[], bool], seconds: float = 20.0) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, self.web.mistakes
            self.loop.turn(0.05)

    @property
    def security(self) -> Security:
        return self.served[-1]

    def wrong(self) -> str:
        return "\n".join(map(str, self.web.mistakes))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.web.stop()
    made.loop.close()
    assert made.errors == 0


def test_first_good_file_is_put_in_force_and_told_once(desk: Desk) -> None:
    desk.start(USERS)
    assert not desk.web.valid
    desk.turn_until(lambda: desk.web.valid)
    assert (len(desk.served), desk.told) == (1, 1)
    assert desk.security.passwords is not None
    assert desk.security.context is None
    assert not desk.security.shut


def test_without_a_good_file_nobody_is_let_in_until_there_is_one(desk: Desk) -> None:
    desk.start("basic_auth_users: {prometheus: secret}\n")
    desk.turn_until(lambda: desk.told == 1)
    assert desk.security.shut
    assert "secret" not in desk.wrong()
    desk.reload(USERS)
    desk.turn_until(lambda: desk.web.valid)
    assert not desk.security.shut


def test_bad_file_leaves_the_last_good_one_in_force_until_it_heals(desk: Desk) -> None:
    desk.start(USERS)
    desk.turn_until(lambda: desk.web.valid)
    before = desk.security
    desk.reload("basic_auth_user: {}\n")
    desk.turn_until(lambda: not desk.web.valid)
    assert "did you mean basic_auth_users?" in desk.wrong()
    assert desk.security is before
    assert desk.web.in_force is not None
    desk.reload(USERS)
    desk.turn_until(lambda: desk.web.valid)
    assert desk.told == 3


def test_file_that_is_read_again_unchanged_parts_with_nobody(desk: Desk) -> None:
    desk.start(USERS)
    desk.turn_until(lambda: desk.web.valid)
    before = len(desk.served)
    desk.web.reload()
    end = time.monotonic() + 1.0
    while time.monotonic() < end:
        desk.loop.turn(0.05)
    assert (len(desk.served), desk.told) == (before, 1)


def test_file_that_goes_is_a_mistake_and_its_users_stay(desk: Desk) -> None:
    desk.start(USERS)
    desk.turn_until(lambda: desk.web.valid)
    desk.path.unlink()
    desk.web.reload()
    desk.turn_until(lambda: not desk.web.valid)
    assert "leads nowhere" in desk.wrong()
    assert desk.security.passwords is not None


def test_file_that_is_being_written_is_waited_for(desk: Desk) -> None:
    desk.write(USERS)
    with desk.path.open("a"):
        desk.start()
        end = time.monotonic() + 1.0
        while time.monotonic() < end:
            desk.loop.turn(0.05)
        assert desk.told == 0
    desk.turn_until(lambda: desk.web.valid)


def test_another_certificate_under_the_same_name_is_taken_up_without_being_told(desk: Desk) -> None:
    authority = Authority(desk.path.parent)
    authority.sign("server")
    other = authority.sign("other", days=90)
    desk.start(TLS)
    desk.turn_until(lambda: desk.web.valid)
    first, served = desk.web.in_force, len(desk.served)
    assert first is not None
    assert first.not_after is not None
    os.replace(other.with_suffix(".key"), desk.path.parent / "server.key")
    os.replace(other, desk.path.parent / "server.crt")
    desk.turn_until(lambda: len(desk.served) > served and desk.web.in_force != first)
    assert desk.web.in_force is not None
    assert (desk.web.in_force.not_after or 0.0) > first.not_after + 30 * 86400
    assert desk.security.context is not None


@pytest.mark.parametrize(
    "script",
    ["import sys; sys.exit(3)", "import os; os.kill(os.getpid(), 9)", 'print(\'{"begin": "x"}\')'],
)
def test_compiler_that_dies_is_a_mistake(tmp_path: Path, script: str) -> None:
    desk = Desk(tmp_path, (sys.executable, "-I", "-c", script))
    desk.start(USERS)
    desk.turn_until(lambda: desk.told == 1)
    assert "ended the compiler" in desk.wrong()
    assert desk.security.shut
    desk.loop.close()
    assert desk.errors == 0
