"""The soak tells a leak from what a daemon gathers in its first moments and keeps of a peak."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.system.soak.vitals import Vitals, growth, slope


def life(memory: float = 0.0, files: float = 0.0, threads: int = 2, warm: float = 0.0) -> list[Vitals]:
    """Looks every 5 s at a daemon that grows by so much in each, and by `warm` MiB in its first."""
    return [
        Vitals(5.0 * n, 30.0 + memory * n + warm * min(n, 1), 12 + int(files * n), threads + (n > 40))
        for n in range(60)
    ]


def test_life_that_keeps_its_size_has_no_growth() -> None:
    assert growth(life(threads=2)[:40]) == []
    assert growth(life(warm=9.0)[:40]) == []


@pytest.mark.parametrize(
    ("looks", "what"),
    [
        (life(memory=0.1), "resident memory grew"),
        (life(memory=0.5), "resident memory was"),
        (life(files=0.2), "open files"),
        (life(threads=2), "threads"),
    ],
)
def test_growth_is_told(looks: list[Vitals], what: str) -> None:
    assert any(what in sentence for sentence in growth(looks))


def test_files_open_for_work_in_hand_are_no_growth() -> None:
    at_work = [replace(look, files=look.files + (4 if n > 34 and n % 4 else 0)) for n, look in enumerate(life()[:40])]
    assert growth(at_work) == []


def test_short_life_says_nothing() -> None:
    assert growth(life(memory=9.0)[:12]) == []


def test_slope_is_not_moved_by_one_odd_look() -> None:
    points = [(10.0 * n, 1.0 * n) for n in range(20)]
    points[3] = (30.0, 500.0)
    assert slope(points) == pytest.approx(360.0)
