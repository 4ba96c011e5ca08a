from __future__ import annotations

from msgspec.structs import replace

from agent.engine.document import Document, dump, load, task_digest
from agent.model.policies import Breaker, Limits, Overlap, Position, Priority, Retry, Schedule
from tests.fakes import TASK, task

FULL = task(
    "full",
    schedule=Schedule("@daily", "Europe/Berlin", 60.0, False),
    window="nightly",
    priority=Priority.CRITICAL,
    needs=("a", "b"),
    retry=Retry(3, 5.0),
    overlap=Overlap.REPLACE,
    limits=Limits(1, 2, 3.5),
    at_most=Breaker(1, 2.0),
)


def test_load_of_dump_is_the_document() -> None:
    for document in (Document(TASK), Document(FULL, 1.5, (("step", "mark"),)), Document(task(schedule=None))):
        assert load(dump(document)) == document


def test_task_digest_ignores_the_place_in_the_file() -> None:
    assert task_digest(replace(TASK, position=Position("other.yaml", 9, 9))) == task_digest(TASK)


def test_task_digest_sees_everything_else() -> None:
    changed = [replace(TASK, max_duration=1.0), replace(TASK, options="{}"), replace(TASK, limits=Limits(1))]
    assert len({task_digest(each) for each in (TASK, *changed)}) == 4
