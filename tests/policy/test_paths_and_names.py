"""How messages write paths and names from outside, and which name is the nearest."""

from __future__ import annotations

import time

import pytest

from agent.policy.nearest import quoted, suggest
from agent.policy.paths import Path, dotted, one_line


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), ""),
        (("tasks", "clean-tmp", "with", "max_age"), "tasks.clean-tmp.with.max_age"),
        (("tasks", "a", "needs", 0), "tasks.a.needs[0]"),
        (("tasks", "a.b"), "tasks.'a.b'"),
        (("tasks", ""), "tasks.''"),
        (("tasks", "a\nb"), "tasks.'a\\nb'"),
        (("ä",), "'\\xe4'"),
        (("x" * 100,), f"'{'x' * 64}'"),
        ((0, 1), "[0][1]"),
    ],
)
def test_path_is_written_on_one_line_of_ascii(path: Path, text: str) -> None:
    assert dotted(path) == text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a", '"a"'),
        ('a"b', '"a\\"b"'),
        ("\x1b[31m", '"\\u001b[31m"'),
        ("ä", '"\\u00e4"'),
        ("x" * 65, f'"{"x" * 61}..."'),
    ],
)
def test_name_from_outside_is_quoted(name: str, text: str) -> None:
    assert quoted(name) == text


@pytest.mark.parametrize(
    ("name", "known", "text"),
    [
        ("shedule", ["schedule", "window"], "did you mean schedule?"),
        ("files.retian", ["files.retain", "command.run"], "did you mean files.retain?"),
        ("MaxAge", ["max_age", "match"], "did you mean max_age?"),
        ("nothing-like-it", ["schedule", "window"], "known keys: schedule, window"),
        ("a", [], "there are no keys"),
        ("a", [f"key-{n:02}" for n in range(20)], f"known keys: {', '.join(f'key-{n:02}' for n in range(12))}, ..."),
    ],
)
def test_nearest_name_is_suggested_or_the_known_ones_listed(name: str, known: list[str], text: str) -> None:
    assert suggest(name, known, "keys") == text


def test_nearest_of_very_many_names_is_found_in_little_time() -> None:
    known = [f"clean-host-{number:05}" for number in range(20_000)]
    begun = time.process_time()
    assert suggest("clean-hots-00042", [*known, "backup-shop"], "tasks") == "did you mean clean-host-00042?"
    assert suggest("bakcup-shop", [*known, "backup-shop"], "tasks") == "did you mean backup-shop?"
    assert suggest("x" * 60_000, known, "tasks").startswith("known tasks")
    assert time.process_time() - begun < 2


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("as it is", "as it is"),
        ("räumt auf", "räumt auf"),
        ("two\nlines\x85", "two\\nlines\\x85"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("x" * 1000, f"{'x' * 797}..."),
    ],
)
def test_sentence_is_one_line_of_what_can_be_seen(text: str, line: str) -> None:
    assert one_line(text) == line
