from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from agent.probes.prober.crew import Crew

PATIENCE = 60.0


@pytest.fixture
def held() -> Iterator[threading.Event]:
    """Hold whatever waits for it until the end of the test, or until it is set."""
    event = threading.Event()
    yield event
    event.set()


def looking(crew: Crew, until: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not until():
        assert time.monotonic() < deadline
        time.sleep(min(0.01, crew.look()))


def hanging(held: threading.Event) -> Callable[[], None]:
    def job() -> None:
        held.wait(PATIENCE)

    return job


def test_crew_does_jobs_that_are_quick_in_one_thread() -> None:
    crew, done = Crew(), list[str]()
    last = threading.Event()
    for _ in range(50):
        crew.do(lambda: done.append(str(threading.get_ident())))
    crew.do(last.set)
    crew.look()
    assert last.wait(PATIENCE)
    assert (len(done), len({*done})) == (50, 1)


def test_crew_hands_on_what_waits_behind_jobs_that_hang(held: threading.Event) -> None:
    crew, done = Crew(), list[int]()
    for number in range(40):
        crew.do(hanging(held))
        crew.do(lambda number=number: done.append(number))  # type: ignore[misc]  # each its own
    looking(crew, lambda: len(done) == 40)
    assert not held.is_set()


def test_crew_of_few_threads_does_the_rest_when_one_is_free(held: threading.Event) -> None:
    crew, done = Crew(most=1), threading.Event()
    crew.do(hanging(held))
    crew.do(done.set)
    for _ in range(5):
        time.sleep(min(0.01, crew.look()))
    assert not done.is_set()
    held.set()
    looking(crew, done.is_set)
