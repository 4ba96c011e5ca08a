from __future__ import annotations

import pytest

from agent.rules.generations import age_of, stem, written


@pytest.mark.parametrize(
    ("name", "older"),
    [
        ("app.log.1", True),
        ("app.log-20260301", True),
        ("app.log-20260301-1772323200", True),
        ("app.log.2026-03-01", True),
        ("app.1.log", True),
        ("app-20260301.log", True),
        ("app.log", False),
        ("app.log.bak", False),
        ("app.logs", False),
        ("app-error.log", False),
        ("app.log.12345", False),
        ("other.log.1", False),
    ],
)
def test_age_of_a_name_tells_generations(name: str, older: bool) -> None:
    assert (age_of(name, "app.log") is not None) is older


def test_age_of_generations_sorts_the_oldest_first() -> None:
    names = ["a.log.1", "a.log.10", "a.log.2"]
    assert sorted(names, key=lambda name: age_of(name, "a.log") or (0, "")) == ["a.log.10", "a.log.2", "a.log.1"]
    dates = ["a.log-20260302", "a.log-20260301", "a.log-20260301-1772400000"]
    assert sorted(dates, key=lambda name: age_of(name, "a.log") or (0, "")) == [dates[1], dates[2], dates[0]]


@pytest.mark.parametrize(("name", "found"), [("a.gz", ("a", ".gz")), (".gz", (".gz", "")), ("a.zst", ("a", ".zst"))])
def test_stem_takes_off_how_a_file_is_compressed(name: str, found: tuple[str, str]) -> None:
    assert stem(name) == found


def test_written_are_logs_and_no_generations_of_others() -> None:
    names = ["a.log", "a.log.1", "a.log.2.gz", "b-2026-03-01.log", "b-2026-03-02.log"]
    assert written(names) == ["a.log", "b-2026-03-01.log", "b-2026-03-02.log"]
