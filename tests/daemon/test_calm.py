"""Thresholds that are not judged one by one stand where they would stand if they were."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from agent.daemon.thresholds import Thresholds
from agent.model.conditions import Bound
from agent.model.policies import PolicySet
from agent.model.samples import Samples
from agent.model.signals import Labels, Sample, Sampling
from agent.probes.wanted import Wanted
from agent.store import Store
from tests.daemon.test_thresholds import FILLING
from tests.daemon.test_thresholds_restarted import CONDITIONS, SIGNAL, Listener
from tests.fakes import task

BOUNDS = {
    "below": Bound(below=20.0),
    "outside": Bound(outside=(20.0, 90.0)),
    "equals": Bound(equals=50.0),
    "not_equals": Bound(not_equals=60.0),
    "anything": Bound(above=math.inf),
}
EVERY = {
    **CONDITIONS,
    **{
        name: replace(FILLING.condition, labels={}, bound=bound, clear=bound, for_=0.0)
        for name, bound in BOUNDS.items()
    },
    "one": replace(FILLING.condition, labels={"mountpoint": "/b"}),
    "none": replace(FILLING.condition, labels={"mountpoint": "/never"}),
}
POLICIES = PolicySet(
    "digest",
    1,
    {},
    {"task": task()},
    {name: replace(FILLING, name=name, condition=condition) for name, condition in EVERY.items()},
)
MOUNTS = ("/a", "/b", "/c")


class Host:
    """Three file systems. With `rows` the same series have the same keys, as those of the host's own probe have."""

    def __init__(self, rows: bool) -> None:
        self.rows = rows
        self.levels: tuple[float | None, ...] = ()
        self._keys: dict[tuple[str, ...], tuple[tuple[str, Labels], ...]] = {}

    def want(self, wanted: Wanted) -> None:
        pass

    def sample(self) -> Sampling:
        found = {mount: level for mount, level in zip(MOUNTS, self.levels, strict=True) if level is not None}
        errors = {} if len(found) == len(MOUNTS) else {"disk": "one cannot be asked"}
        made = tuple((SIGNAL, (("mountpoint", mount),)) for mount in found)
        if self.rows:
            return Sampling(Samples(self._keys.setdefault(tuple(found), made), list(found.values())), errors)
        return Sampling(tuple(Sample(*key, level) for key, level in zip(made, found.values(), strict=True)), errors)

    def value(self, key: tuple[str, Labels], at: float) -> float | None:
        return 55.0


@contextmanager
def watching(*, rows: bool) -> Iterator[tuple[Host, Listener, Thresholds]]:
    host, listener = Host(rows), Listener()
    with tempfile.TemporaryDirectory() as directory, Store(directory) as store:
        store.connection.rows("PRAGMA synchronous = OFF")
        thresholds = Thresholds(store, lambda: host, 10.0, (listener,), past=host)
        thresholds.put_in_force(POLICIES, 1000.0)
        yield host, listener, thresholds


LEVELS = st.sampled_from([50.0, 50.0, 60.0, 60.0, 60.0, 95.0, 10.0, None, math.nan, math.inf, -math.inf])
PASSES = st.lists(st.tuples(st.tuples(LEVELS, LEVELS, LEVELS), st.integers(1, 5), st.booleans()), max_size=12)


@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(PASSES)
def test_calm_thresholds_stand_where_those_stand_that_are_judged_one_by_one(
    passes: list[tuple[tuple[float | None, float | None, float | None], int, bool]],
) -> None:
    with watching(rows=True) as (host, heard, calm), watching(rows=False) as (other, heard_one_by_one, one_by_one):
        now = 1000.0
        for levels, times, looked_at in passes:
            host.levels = other.levels = levels
            for _ in range(times):
                now += 10.0
                calm.tick(now)
                one_by_one.tick(now)
            told = {(name, series): state for name, series, state in calm.snapshot()()}
            if looked_at:
                assert repr(calm.states) == repr(one_by_one.states)
            known = [((name, key), state) for name, of in one_by_one.states.items() for key, state in of.items()]
            assert repr(sorted(told.items())) == repr(sorted(known))
        assert heard.told == heard_one_by_one.told


def test_snapshot_stays_what_it_was() -> None:
    with watching(rows=True) as (host, _, thresholds):
        host.levels = (60.0, 60.0, 60.0)
        for now in (1000.0, 1010.0, 1020.0):
            thresholds.tick(now)
        before = thresholds.snapshot()
        host.levels = (61.0, 61.0, 95.0)
        thresholds.tick(1030.0)
        told = {(name, series): state for name, series, state in before()}
        assert {state.evaluated_at for state in told.values()} == {1020.0}
        assert told["one", (("mountpoint", "/b"),)].value == 60.0


def test_policies_that_change_are_judged_anew() -> None:
    with watching(rows=True) as (host, _, thresholds):
        host.levels = (60.0, 60.0, 60.0)
        for now in (1000.0, 1010.0, 1020.0):
            thresholds.tick(now)
        stricter = replace(EVERY["one"], bound=Bound(above=55.0), clear=Bound(above=55.0), for_=0.0)
        changed = {"one": replace(POLICIES.thresholds["one"], condition=stricter)}
        thresholds.put_in_force(replace(POLICIES, thresholds=changed), 1025.0)
        thresholds.tick(1030.0)
        assert thresholds.states.keys() == {"one"}
        assert thresholds.states["one"][("mountpoint", "/b"),].fired_at == 1030.0
