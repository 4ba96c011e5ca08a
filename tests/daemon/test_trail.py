"""The trail of the signals: bounded, in order, honest about gaps."""

from __future__ import annotations

import math
from array import array

from hypothesis import given
from hypothesis import strategies as st

from agent.daemon.trail import Trail
from agent.engine.visit import Course, Visit, decode, encode
from agent.model.signals import Sample, Sampling

CPU = ("cpu.used_percent", ())
ROOT = ("disk.used_percent", (("mountpoint", "/"),))


def sampling(**values: float) -> Sampling:
    keys = {"cpu": CPU, "root": ROOT, "other": ("uptime.seconds", ())}
    return Sampling(tuple(Sample(*keys[name], value) for name, value in values.items()), {})


def test_trail_keeps_what_is_shown_and_what_thresholds_ask_for() -> None:
    trail = Trail()
    trail.take(1.0, sampling(cpu=1, other=2))
    assert set(trail.course().series) == {CPU}
    trail.want(["uptime.seconds"])
    trail.take(2.0, sampling(cpu=1, other=2))
    assert trail.course().series[("uptime.seconds", ())][1] == 2
    assert math.isnan(trail.course().series[("uptime.seconds", ())][0])


@given(st.integers(1, 2000), st.integers(2, 20))
def test_trail_of_any_length_is_bounded_and_reaches_back_to_its_start(passes: int, points: int) -> None:
    trail = Trail(points)
    for number in range(passes):
        trail.take(float(number), sampling(cpu=number))
    course = trail.course()
    assert list(course.times) == list(course.series[CPU])
    assert min(passes, points) <= len(course.times) <= 2 * points
    assert course.times[0] <= max(1, passes // points)
    assert list(course.times) == sorted(course.times)
    assert course.latest[CPU] == passes - 1


def test_trail_longer_than_the_longest_forgets_its_oldest_quarter() -> None:
    trail = Trail(points=4, longest=10)
    for number in range(0, 200, 5):
        trail.take(float(number), sampling(cpu=number))
    course = trail.course()
    assert len(course.times) <= 8
    assert course.times[0] >= 150


def test_trail_of_a_series_that_vanished_has_gaps_and_forgets_it_in_the_end() -> None:
    trail = Trail(points=4)
    trail.take(0.0, sampling(cpu=1, root=1))
    trail.take(1.0, sampling(cpu=1))
    assert math.isnan(trail.course().series[ROOT][1])
    assert ROOT not in trail.course().latest
    for number in range(2, 100):
        trail.take(float(number), sampling(cpu=1))
    assert all(len(values) == len(trail.course().times) for values in trail.course().series.values())


def test_trail_has_no_more_series_than_it_has_room_for() -> None:
    trail = Trail(series=3)
    samples = [Sample("disk.used_percent", (("mountpoint", f"/{n}"),), n) for n in range(10)]
    trail.take(1.0, Sampling(tuple(samples), {}))
    assert len(trail.course().series) == 3
    assert len(trail.course().latest) == 10


def test_trail_starts_anew_when_the_clock_is_set_back() -> None:
    trail = Trail()
    trail.take(100.0, sampling(cpu=1))
    trail.take(50.0, sampling(cpu=2))
    assert list(trail.course().times) == [50.0]


def test_visit_is_what_it_was_after_the_way_to_another_process() -> None:
    course = Course(
        array("d", [1, 2]), {ROOT: array("f", [1, 2]), CPU: array("f", [3, 4])}, {ROOT: 2.0}, {"disk": "gone"}
    )
    visit = Visit("/state", "task=<b>&x=é", 4, "UTC", "id", 10.0, course)
    assert decode(encode(visit)) == visit
    gap = decode(encode(Visit("", "", 1, "", "", 1.0, Course(array("d", [1]), {CPU: array("f", [math.nan])}))))
    assert math.isnan(gap.course.series[CPU][0])
