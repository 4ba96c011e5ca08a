from __future__ import annotations

from agent.daemon.others import Others
from agent.engine.submit import submit
from agent.model.runs import Origin, Run, RunState
from agent.store import Store
from tests.fakes import task


def made(store: Store, origin: Origin, *, ended: bool) -> int:
    run = submit(store, task(), policy="p", origin=origin, due=float(len(store.runs.recent(99))), now=1.0)
    assert run is not None
    if ended:
        end(store, run.id)
    return run.id


def end(store: Store, number: int) -> None:
    store.runs.advance(number, RunState.PENDING, RunState.RUNNING, started=1.0)
    store.runs.advance(number, RunState.RUNNING, RunState.SUCCEEDED, ended=2.0)


def test_look_tells_once_of_each_run_that_ended_since_the_start(store: Store) -> None:
    heard: list[Run] = []
    others = Others(store, heard.append)
    made(store, Origin.MANUAL, ended=True)
    others.start()
    made(store, Origin.SCHEDULE, ended=True)
    first, second = made(store, Origin.MANUAL, ended=True), made(store, Origin.APPLY, ended=False)
    others.look(())
    assert [run.id for run in heard] == [first]
    end(store, second)
    others.look(())
    others.look(())
    assert [run.id for run in heard] == [first, second]


def test_look_is_silent_about_a_run_that_somebody_told_of(store: Store) -> None:
    heard: list[Run] = []
    others = Others(store, heard.append)
    others.start()
    number = made(store, Origin.MANUAL, ended=False)
    others.look(())
    end(store, number)
    others.told(number)
    others.look(())
    assert heard == []


def test_look_is_silent_about_a_run_that_was_told_of_before_it_was_seen(store: Store) -> None:
    heard: list[Run] = []
    others = Others(store, heard.append)
    others.start()
    others.told(made(store, Origin.MANUAL, ended=True))
    second = made(store, Origin.MANUAL, ended=True)
    others.look(())
    others.look(())
    assert [run.id for run in heard] == [second]


def test_look_leaves_a_run_whose_process_is_watched_to_whoever_watches_it(store: Store) -> None:
    heard: list[Run] = []
    others = Others(store, heard.append)
    others.start()
    number = made(store, Origin.MANUAL, ended=True)
    others.look({number: "its process has not ended yet"})
    assert heard == []
    others.told(number)
    others.look(())
    assert heard == []
