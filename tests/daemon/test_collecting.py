"""Evidence is collected by another process, tried twice, and never for ever."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from agent.daemon.collecting import Collecting
from agent.daemon.loop import Loop
from agent.host.clock import SystemClock
from agent.model.incidents import EntryKind
from agent.store import Store
from tests.store.test_incidents import INCIDENT
from tests.system.agent import wait_for


@pytest.fixture
def loop() -> Iterator[Loop]:
    made = Loop(SystemClock(), lambda _: None, lambda: None)
    yield made
    made.close()


def turned_until_told(store: Store, loop: Loop, command: Sequence[str]) -> None:
    """Collect with a command until every incident has something."""
    collecting = Collecting(store, loop, SystemClock(), command)
    collecting.look()

    def told() -> bool:
        loop.turn(0.05)
        return not store.incidents.without_exhibits()

    wait_for(told)
    collecting.stop()


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("raise SystemExit(3)", "exit code 3"),
        ("import os; os.kill(os.getpid(), 9)", "signal 9"),
        ("", "it said nothing"),
    ],
)
def test_collector_that_fails_twice_is_told_of_in_the_timeline(
    store: Store, loop: Loop, tmp_path: Path, code: str, error: str
) -> None:
    number = store.incidents.open(INCIDENT)
    tries = tmp_path / "tries"
    counted = f"open({str(tries)!r}, 'a').write('x'); {code}"
    turned_until_told(store, loop, (sys.executable, "-I", "-c", counted))
    (exhibit,) = store.incidents.exhibits(number)
    assert (exhibit.name, exhibit.error) == ("nothing", error)
    assert tries.read_text() == "xx"
    assert [entry.kind for entry in store.incidents.timeline(number)] == [EntryKind.EXHIBITS]


def test_collector_that_cannot_be_started_is_told_of(store: Store, loop: Loop) -> None:
    number = store.incidents.open(INCIDENT)
    collecting = Collecting(store, loop, SystemClock(), ("/nowhere/at/all",))
    collecting.look()
    collecting.look()
    assert [one.error for one in store.incidents.exhibits(number)] == [
        "no process could be started: No such file or directory"
    ]


def test_incidents_that_open_together_share_one_collector(store: Store, loop: Loop, tmp_path: Path) -> None:
    numbers = [store.incidents.open(replace(INCIDENT, threshold=name)) for name in ("a", "b")]
    tries = tmp_path / "tries"
    code = (
        f"import sys; open({str(tries)!r}, 'a').write('x'); sys.path.insert(0, {str(Path.cwd())!r}); "
        "from agent.engine.collect import main; main(sys.argv[1], [int(one) for one in sys.argv[2:]])"
    )
    turned_until_told(store, loop, (sys.executable, "-I", "-c", code))
    assert tries.read_text() == "x"
    for number in numbers:
        assert "processes" in [one.name for one in store.incidents.exhibits(number)]


def test_collector_that_hangs_is_ended_with_the_agent(store: Store, loop: Loop) -> None:
    store.incidents.open(INCIDENT)
    collecting = Collecting(store, loop, SystemClock(), (sys.executable, "-I", "-c", "import time; time.sleep(60)"))
    collecting.look()
    collecting.stop()
    collecting.stop()
    assert store.incidents.exhibits(1) == []
