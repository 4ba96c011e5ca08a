"""Whoever kills the agent changes nothing of what thresholds say and do."""

from __future__ import annotations

import tempfile

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from agent.daemon.thresholds import Thresholds
from agent.engine.firing import Firing
from agent.engine.submit import submit
from agent.errors import StoreError
from agent.model.conditions import Against, As, Bound, Comparison, Condition, NoData, Rate
from agent.model.policies import PolicySet
from agent.model.runs import Origin, RunState
from agent.model.signals import Labels, Sample, Sampling
from agent.probes.wanted import Wanted
from agent.store import Store
from tests.daemon.test_thresholds import FILLING
from tests.fakes import task

SIGNAL = "disk.used_percent"
PLAIN = Condition(signal=SIGNAL, bound=Bound(above=90.0), clear=Bound(above=85.0))
CONDITIONS = {
    "plain": PLAIN,
    "lasting": replace(PLAIN, for_=20.0),
    "row": replace(PLAIN, samples=3),
    "some": replace(PLAIN, samples=2, of=4, for_=10.0),
    "kept": replace(PLAIN, keep_for=25.0),
    "strict": replace(PLAIN, no_data=NoData.FAIL, samples=2),
    "lenient": replace(PLAIN, no_data=NoData.PASS, keep_for=15.0),
    "rising": replace(PLAIN, bound=Bound(above=0.5), clear=Bound(above=0.1), change=Rate(30.0, 1.0)),
    "unusual": replace(
        PLAIN,
        bound=Bound(outside=(-20.0, 20.0)),
        clear=Bound(outside=(-20.0, 20.0)),
        compare=Comparison(Against.YESTERDAY, As.DIFFERENCE),
    ),
}
WATCHED = replace(FILLING, run=("task",), at_most=None, helps_within=15.0, gives_up_after=2)
MUTING = replace(task(), name="mender", mutes=("plain",), mutes_for=20.0)
POLICIES = PolicySet(
    "digest",
    1,
    {},
    {"task": task(), "mender": MUTING},
    {
        **{name: replace(WATCHED, name=name, condition=condition) for name, condition in CONDITIONS.items()},
        "child": replace(
            WATCHED, name="child", condition=replace(PLAIN, bound=Bound(above=80.0)), parents=("lasting",)
        ),
    },
)
Told = tuple[str, str, float, float, str, int]


class Host:
    """A file system that is as full as the test says, and was half full yesterday."""

    used: float | None = None

    def want(self, wanted: Wanted) -> None:
        pass

    def sample(self) -> Sampling:
        return Sampling(() if self.used is None else (Sample(SIGNAL, (), self.used),), {})

    def value(self, key: tuple[str, Labels], at: float) -> float | None:
        return 70.0 if int(at) % 70 else None


class Listener:
    """Writes down what it hears; the agent dies before what was written is durable, where the test says so."""

    def __init__(self) -> None:
        self.told: list[Told] = []
        self.dies = False

    def react(self, firing: Firing) -> None:
        told = (firing.threshold.name, firing.event.value, firing.at, firing.fired_at, firing.muted, len(firing.runs))
        self.told.append(told)
        if self.dies:
            raise StoreError("killed")

    def withdraw(self, threshold: str, series: Labels, at: float) -> None:
        raise AssertionError("no threshold was changed")


Deaths = list[str]


def life(levels: list[float | None], deaths: Deaths, works: list[int]) -> tuple[list[Told], list[tuple[str, float]]]:
    """Return what is told and which runs are made while the agent dies as it should, at `deaths[pass]`."""
    host, listener = Host(), Listener()
    with tempfile.TemporaryDirectory() as directory, Store(directory) as store:
        store.connection.rows("PRAGMA synchronous = OFF")

        def begin() -> Thresholds:
            thresholds = Thresholds(store, lambda: host, 10.0, (listener,), past=host)
            thresholds.put_in_force(POLICIES, now)
            return thresholds

        now = 1000.0
        thresholds = begin()
        for turn, (level, death) in enumerate(zip(levels, deaths, strict=True)):
            now += 10.0
            _work(store, turn in works, now)
            host.used, known = level, list(listener.told)
            if death == "before":
                listener.dies = True
                try:
                    thresholds.tick(now)
                except StoreError:
                    listener.told = known
                    thresholds = begin()
                    listener.dies = False
                    thresholds.tick(now)
                listener.dies = False
            else:
                thresholds.tick(now)
            if death == "after":
                thresholds = begin()
            for run in store.runs.open():
                if run.task == "task":
                    store.runs.advance(run.id, RunState.PENDING, RunState.RUNNING, started=now)
                    store.runs.advance(run.id, RunState.RUNNING, RunState.SUCCEEDED, ended=now)
        made = [(run.cause, run.created) for run in reversed(store.runs.recent(1000, "task"))]
        held = [(hold.name, hold.since) for hold in store.holds.all()]
        return listener.told, made + held


def _work(store: Store, at_work: bool, now: float) -> None:
    """Let the maintenance that mutes be at work, or not."""
    found = [run for run in store.runs.begun() if run.task == "mender"]
    if at_work and not found:
        run = submit(store, MUTING, policy="digest", origin=Origin.MANUAL, due=now, now=now)
        assert run is not None
        store.runs.advance(run.id, RunState.PENDING, RunState.RUNNING, started=now)
    for run in found if not at_work else ():
        store.runs.advance(run.id, RunState.RUNNING, RunState.SUCCEEDED, ended=now)


LEVELS = st.sampled_from([50.0, 82.0, 88.0, 95.0, 95.0, 95.0, 99.0, None])
DEATHS = st.sampled_from(["", "after", "before"])


@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.lists(st.tuples(LEVELS, DEATHS), min_size=1, max_size=25),
    st.lists(st.integers(0, 24), max_size=6),
)
def test_agent_killed_at_any_pass_tells_and_does_what_it_would_have(
    passes: list[tuple[float | None, str]], works: list[int]
) -> None:
    levels, deaths = [level for level, _ in passes], [death for _, death in passes]
    undisturbed = life(levels, [""] * len(levels), works)
    assert life(levels, deaths, works) == undisturbed


def test_agent_killed_after_each_pass_tells_of_every_kind_of_condition() -> None:
    rise = [50.0, 60.0, 70.0, 80.0, 90.0]
    levels = [*rise, *[99.0] * 8, None, *[50.0] * 6, 99.0, 50.0, 99.0, 99.0, 50.0, 50.0, 50.0, 50.0, 50.0]
    works = [5, 6]
    told, made = life(levels, ["after"] * len(levels), works)
    assert (told, made) == life(levels, [""] * len(levels), works)
    assert (told, made) == life(levels, ["before"] * len(levels), works)
    assert {name for name, *_ in told} == POLICIES.thresholds.keys()
    of_plain = [(event, muted, runs) for name, event, _, _, muted, runs in told if name == "plain"]
    assert of_plain[:2] == [("fired", "own_maintenance", 0), ("fired", "", 1)], "muted, and once when that is over"
    assert any(name.startswith("lasting/task") for name, _ in made), "a remedy is held that does not help"
