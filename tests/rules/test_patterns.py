"""Patterns against tables, against fnmatch, and against the clock."""

from __future__ import annotations

import fnmatch
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.rules.patterns import Patterns, name_expression

NAMES = [
    ("*", "anything", True),
    ("*", "", True),
    ("*.part", "a.part", True),
    ("*.part", "a.part.txt", False),
    ("*.part", ".part", True),
    ("a*b*c", "abc", True),
    ("a*b*c", "axxbyybzzc", True),
    ("a*b*c", "axxc", False),
    ("?", "x", True),
    ("?", "", False),
    ("?", "\udcff", True),
    ("[abc]x", "bx", True),
    ("[!abc]x", "bx", False),
    ("[!abc]x", "dx", True),
    ("[a-c]", "b", True),
    ("[a-]", "-", True),
    ("[]]", "]", True),
    ("[!]]", "]", False),
    ("[!]]", "x", True),
    ("[z-a]", "b", False),
    ("[!z-a]", "b", True),
    ("[", "[", True),
    ("[abc", "[abc", True),
    ("[^a]", "^", True),
    ("[^a]", "b", False),
    ("[\\d]", "5", False),
    ("[\\d]", "\\", True),
    ("a.b", "axb", False),
    ("a+(b)|{2}$^", "a+(b)|{2}$^", True),
    ("a\nb*", "a\nbc\n", True),
    ("*-rf*", "-rf", True),
    ("*a", "aaa\n", False),
]


@pytest.mark.parametrize(("pattern", "name", "matches"), NAMES)
def test_name_pattern(pattern: str, name: str, matches: bool) -> None:
    assert bool(Patterns([pattern]).within("some/where")(name)) is matches


PATHS = [
    ("cache/*", "cache", "x", True),
    ("cache/*", "", "cache", False),
    ("cache/*", "a/cache", "x", False),
    ("cache/*", "cache/b", "x", False),
    ("/cache/*", "cache", "x", True),
    ("**/cache/*", "cache", "x", True),
    ("**/cache/*", "a/b/cache", "x", True),
    ("**/cache/*", "a/b/cache/c", "x", False),
    ("cache/**", "cache", "x", True),
    ("cache/**", "cache/b/c", "x", True),
    ("cache/**", "", "x", False),
    ("cache/", "cache/b/c", "x", True),
    ("cache/", "", "cache", False),
    ("**/*.tmp", "", "x.tmp", True),
    ("**/*.tmp", "a/b", "x.tmp", True),
    ("a/**/b/*", "a/b", "x", True),
    ("a/**/b/*", "a/1/2/b", "x", True),
    ("a/**/b/*", "a/b/1/b", "x", True),
    ("a/**/b/*", "a/1/2", "x", False),
    ("*/x", "a", "x", True),
    ("*/x", "a/b", "x", False),
    ("**/**/x", "a/b/c", "x", True),
    ("/", "", "x", True),
    ("/x", "", "x", True),
    ("/x", "a", "x", False),
]


@pytest.mark.parametrize(("pattern", "directory", "name", "matches"), PATHS)
def test_path_pattern(pattern: str, directory: str, name: str, matches: bool) -> None:
    assert bool(Patterns([pattern]).within(directory)(name)) is matches


def test_patterns_match_what_one_of_them_matches() -> None:
    patterns = Patterns(["*.a", "b*", "c/*"])
    assert [bool(patterns.within("")(name)) for name in ("x.a", "bx", "x")] == [True, True, False]
    assert patterns.within("c")("x")


def test_no_pattern_matches_nothing() -> None:
    assert not Patterns([]).within("")("x")


TEXT = st.text(alphabet="ab.*?[]!-\n\udc80", max_size=12)


@given(TEXT, TEXT)
def test_name_pattern_agrees_with_fnmatch(pattern: str, name: str) -> None:
    expected = re.compile(fnmatch.translate(pattern)).match(name) is not None
    assert (re.compile(name_expression(pattern), re.DOTALL).fullmatch(name) is not None) is expected


@given(st.lists(st.sampled_from(["a", "b", "*", "**", "a*", "ab"]), min_size=1, max_size=6), st.data())
def test_path_pattern_agrees_with_trying_every_split(parts: list[str], data: st.DataObject) -> None:
    names = data.draw(st.lists(st.sampled_from(["a", "b", "ab"]), min_size=1, max_size=6))

    def fits(left: list[str], path: list[str]) -> bool:
        if not left:
            return not path
        if left[0] == "**":
            return any(fits(left[1:], path[taken:]) for taken in range(len(path) + 1))
        return bool(path) and fnmatch.fnmatchcase(path[0], left[0]) and fits(left[1:], path[1:])

    # A name of its own has to be left for a last `**`, which stands for what is below.
    expected = fits([*parts, "*"] if parts[-1] == "**" else parts, names)
    pattern = "/" + "/".join(parts)
    assert bool(Patterns([pattern]).within("/".join(names[:-1]))(names[-1])) is expected


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("*a" * 100 + "b", "a" * 255),
        ("*" * 255, "a" * 255),
        ("*a*" * 80 + "b", "ab" * 127),
        ("?*" * 120 + "b", "a" * 255),
        ("*[ab]" * 50 + "c", "a" * 255),
    ],
)
def test_hostile_pattern_is_decided_at_once(pattern: str, name: str) -> None:
    matches = Patterns([pattern] * 100).within("")
    began = time.process_time()
    matches(name)
    assert time.process_time() - began < 0.1


def test_hostile_path_pattern_is_decided_at_once() -> None:
    pattern = "/".join(["**", "a"] * 40) + "/b"
    began = time.process_time()
    Patterns([pattern]).within("/".join(["a"] * 2000))("a")
    assert time.process_time() - began < 1.0
