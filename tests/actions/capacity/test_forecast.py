"""Looking ahead: what is told, warned of and remembered; whether it is right is tested with the rules."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.actions.capacity.forecast import ACTION, RECORD, Options
from agent.model.policies import Severity
from agent.model.signals import Labels, Points
from agent.ports import StopRequested
from agent.rules.capacity import UPTIME, boots, named
from tests.fakes import FakeDiscoveries, FakeMemory, Stop, context
from tests.rules.histories import DAY, T0, History, flat, history, leak, rebooted, step, together

Key = tuple[str, Labels]
ROOT: Key = ("disk.used_percent", (("mountpoint", "/"),))
DATA: Key = ("disk.used_percent", (("mountpoint", "/data"),))
MEMORY: Key = ("memory.used_percent", ())
FREE: Key = ("disk.free_bytes", (("mountpoint", "/"),))
EVERY = [{"signal": name, "labels": {}, "limit": 100, "falls": False} for name in (ROOT[0], MEMORY[0])]


class Kept:
    """Samples of the past up to a day; fits `agent.ports.SampleHistory`."""

    def __init__(self, histories: Mapping[Key, Points]) -> None:
        self.histories = histories

    def series(self) -> Sequence[Key]:
        return list(self.histories)

    def read(self, key: Key, start: float, end: float) -> Points:
        whole = self.histories.get(key, Points((), (), (), (), (), ()))
        within = [place for place, time in enumerate(whole.times) if start <= time < end]

        def part(numbers: Sequence[float]) -> list[float]:
            return [numbers[place] for place in within]

        steps = [whole.steps[place] for place in within]
        low, mean, high, counts = map(part, (whole.low, whole.mean, whole.high, whole.counts))
        return Points(part(whole.times), steps, low, mean, high, counts)


class Task:
    """A task that runs on one day after another and remembers."""

    def __init__(self, histories: Mapping[Key, History], signals: Sequence[Mapping[str, Any]] = EVERY) -> None:
        self.kept = Kept({key: made.points for key, made in histories.items()})
        self.options = Options(
            signals=signals, warn_within=7 * DAY, critical_within=2 * DAY, horizon=365 * DAY, least=7 * DAY
        )
        self.memory = FakeMemory()
        self.discoveries = FakeDiscoveries()

    def run(self, day: float) -> Mapping[str, object]:
        now = datetime.fromtimestamp(T0 + day * DAY, UTC)
        within = context(memory=self.memory, discoveries=self.discoveries, samples=self.kept, now=now)
        (only,) = ACTION.plan(self.options, within)
        return only.do().facts

    def told(self) -> Mapping[tuple[str, Labels], float]:
        return {(one.signal, one.labels): one.value for one in self.discoveries.numbers["task"]}


def of(what: str, key: Key) -> tuple[str, Labels]:
    return what, tuple(sorted([*key[1], ("signal", key[0])]))


LEAK = history(together(flat(40), leak(2)), 31, 1, 0.3)
CALM = history(flat(60), 31, 2, 0.3)


def test_what_fills_up_is_told_and_warned_of_and_what_does_not_is_not() -> None:
    task = Task({ROOT: LEAK, DATA: CALM, FREE: CALM})
    facts = task.run(25)
    assert facts == {"series": 2, "warnings": 1, "full": 0, "growing": 1, "steady": 1, "learning": 0}
    told = task.told()
    assert told[of("days_left", ROOT)] == pytest.approx(LEAK.full - 25, abs=0.5)
    assert told[of("days_left_soonest", ROOT)] <= told[of("days_left", ROOT)] <= told[of("days_left_latest", ROOT)]
    assert told[of("growth_per_day", ROOT)] == pytest.approx(2, abs=0.1)
    assert told[of("days_left", DATA)] > 20
    (finding,) = task.discoveries.findings.values()
    assert (finding.id, finding.severity) == ('full-disk.used_percent{mountpoint="/"}', Severity.WARNING)
    assert "days are left" in finding.sentence


def test_warning_grows_to_critical_and_full_and_ends_only_when_there_is_room_again() -> None:
    emptied = history(together(flat(40), leak(2), step(-55, 30.5)), 40, 1, 0.3)
    task = Task({ROOT: emptied})
    severities = []
    for day in (22.0, 25.0, 28.5, 30.3, 30.8, 31.4, 33.0):
        task.run(day)
        severities.append([finding.severity.value for finding in task.discoveries.findings.values()])
    assert severities == [[], ["warning"], ["critical"], ["critical"], ["critical"], ["critical"], []]


def test_too_little_history_tells_no_days_and_warns_of_nothing() -> None:
    task = Task({ROOT: LEAK})
    assert task.run(4)["learning"] == 1
    assert task.told() == {}
    assert task.discoveries.findings == {}


def test_forecasts_are_compared_with_what_came() -> None:
    task = Task({ROOT: LEAK})
    for day in range(8, 29):
        task.run(day)
    told = task.told()
    assert told[of("past_error", ROOT)] < 1
    assert 50 <= told[of("past_within_percent", ROOT)] <= 100
    record = task.memory.recall(RECORD)
    assert isinstance(record, dict)
    assert len(record[named(ROOT)]["open"]) == 7
    assert len(msgspec.json.encode(record)) < 2000


def test_run_twice_on_a_day_remembers_one_forecast() -> None:
    task = Task({ROOT: LEAK})
    task.run(20)
    before = task.memory.recall(RECORD)
    task.run(20)
    assert task.memory.recall(RECORD) == before


def test_boots_are_known_by_the_uptime_and_reset_what_begins_anew() -> None:
    up = [float(second % 86_400) for second in range(0, 3 * 86_400, 3600)]
    times = [T0 + second for second in range(0, 3 * 86_400, 3600)]
    ones = [1.0] * len(up)
    assert boots(Points(times, [0] * len(up), up, up, up, ones)) == (T0 + DAY, T0 + 2 * DAY)
    made = history(together(flat(30), rebooted(3.0, 20)), 40, 3, 0.5)
    uptime = history(lambda day, _: day % 20, 40, 3, 0.0)
    task = Task({MEMORY: made, UPTIME: uptime})
    assert task.run(20.5)["learning"] == 1


def test_signal_that_falls_to_its_limit_is_looked_ahead_at() -> None:
    shape = history(lambda day, _: 5e10 - 2e9 * day, 25, 1, 1e7)
    whole = shape.points
    turned = Points(
        whole.times,
        whole.steps,
        [5e10 - 2e9 * (time - T0) / DAY for time in whole.times],
        [5e10 - 2e9 * (time - T0) / DAY for time in whole.times],
        [5e10 - 2e9 * (time - T0) / DAY for time in whole.times],
        whole.counts,
    )
    task = Task({FREE: CALM}, [{"signal": FREE[0], "labels": {"mountpoint": "/"}, "limit": 0, "falls": True}])
    task.kept = Kept({FREE: turned})
    task.run(20)
    assert task.told()[of("days_left", FREE)] == pytest.approx(5, abs=0.2)
    assert math.isclose(task.told()[of("growth_per_day", FREE)], -2e9, rel_tol=0.01)


def test_run_told_to_stop_stops_between_two_series() -> None:
    task = Task({ROOT: LEAK, DATA: CALM})
    stop = Stop(after=1)
    now = datetime.fromtimestamp(T0 + 20 * DAY, UTC)
    within = context(memory=task.memory, discoveries=task.discoveries, samples=task.kept, now=now, stop=stop)
    (only,) = ACTION.plan(task.options, within)
    with pytest.raises(StopRequested):
        only.do()
    assert task.discoveries.numbers == {}


def test_plan_says_at_how_many_series_it_looks(tmp_path: Path) -> None:
    task = Task({ROOT: LEAK, DATA: CALM, MEMORY: CALM})
    (only,) = ACTION.plan(task.options, context(samples=task.kept))
    assert only.preview(lambda _: None).summary == "look ahead at 3 series"
