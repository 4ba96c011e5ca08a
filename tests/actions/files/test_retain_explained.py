"""What is explained beforehand is what then happens, on random trees under random rules."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.model.actions import Judgement
from agent.model.reasons import Reason
from tests.actions.files.world import DAY, aged, everything, options, previews, run
from tests.fakes import FakeObjectLog, context

PLACES = ["", "a", "a/b", "a/b/c", "d"]
NAMES = ["1", "2", "1.log", "2.log", "3.log", "-rf", "new\nline"]

Tree = dict[tuple[str, str], tuple[int, int]]

TREES = st.dictionaries(
    st.tuples(st.sampled_from(PLACES), st.sampled_from(NAMES)),
    st.tuples(st.integers(-3, 12), st.integers(0, 20)),
    max_size=20,
)

RULES = st.fixed_dictionaries(
    {
        "match": st.sampled_from([["*"], ["*.log"], ["a/**", "-*"]]),
        "exclude": st.sampled_from([[], ["2*"], ["**/b/*"]]),
        "max_age": st.sampled_from([None, 0.0, 2 * DAY, 5 * DAY]),
        "max_count": st.none() | st.integers(0, 8),
        "max_size": st.none() | st.integers(0, 100),
        "keep_latest": st.integers(0, 4),
        "min_age": st.sampled_from([0.0, 3 * DAY]),
        "group_by": st.sampled_from(["path", "directory", "suffix", "series"]),
        "max_depth": st.sampled_from([None, 1, 2, 3]),
        "symbolic_links": st.booleans(),
        "empty_directories": st.booleans(),
    }
)


def plant(top: Path, tree: Tree, empty: list[str]) -> None:
    for (place, name), (half_days, size) in tree.items():
        aged(top / place / name, half_days / 2, size)
    for place in empty:
        (top / place).mkdir(parents=True, exist_ok=True)
    (top / "link").symlink_to("elsewhere")
    os.utime(top / "link", (0, 0), follow_symlinks=False)
    os.mkfifo(top / "fifo")


@settings(max_examples=60)
@given(TREES, st.lists(st.sampled_from(PLACES), max_size=3), RULES)
def test_explanation_equals_what_is_then_deleted(tree: Tree, empty: list[str], rule: dict[str, object]) -> None:
    top = Path(tempfile.mkdtemp(prefix="hk-explained-"))
    try:
        plant(top, tree, empty)
        before = everything(top)
        directories = {path for path in before if os.path.isdir(path) and not os.path.islink(path)}
        chosen = options(top, **rule)
        heard: list[Judgement] = []
        shown = previews(chosen, hear=heard.append)
        assert everything(top) == before

        objects = FakeObjectLog()
        outcome = run(chosen, context(objects=objects))
        gone = before - everything(top)
        assert {one.target for one in heard if one.deleted} == gone
        assert {path for path, _ in objects.deleted} == gone
        assert sorted(objects.deleted) == sorted((one.target, one.reason) for one in heard if one.deleted)

        # Every object is explained once, and counted as it was explained.
        told = [one.target for one in heard]
        assert len(told) == len(set(told))
        if rule["max_depth"] is None:
            assert set(told) == (before if rule["empty_directories"] else before - directories)
        assert outcome.counts == Counter(one.reason for one in heard)
        assert outcome.facts["deleted"] == shown[f"retain:{top}"].facts["delete"]
        assert outcome.facts["deleted_bytes"] == shown[f"retain:{top}"].facts["delete_bytes"]
    finally:
        shutil.rmtree(top)


@settings(max_examples=30)
@given(TREES, RULES)
def test_second_run_deletes_nothing(tree: Tree, rule: dict[str, object]) -> None:
    top = Path(tempfile.mkdtemp(prefix="hk-explained-"))
    try:
        plant(top, tree, [])
        run(options(top, **rule))
        outcome = run(options(top, **rule))
        assert outcome.facts["deleted"] == 0
        assert outcome.counts[Reason.EMPTY_DIRECTORY] == 0
    finally:
        shutil.rmtree(top)
