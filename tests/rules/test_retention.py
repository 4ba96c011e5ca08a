"""The rule for files against a table, and against an oracle that sorts everything in memory."""

from __future__ import annotations

import stat
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import replace

from agent.model.reasons import Reason
from agent.rules.patterns import Patterns
from agent.rules.ranking import Budgets, Ranking
from agent.rules.retention import DELETED, GroupBy, Rule, key_of, seed_of, series_of, suffix_of

SECOND = 1_000_000_000
HOUR = 3600 * SECOND
DAY = 24 * HOUR
NOW = 1_800_000_000 * SECOND


class Seen(Struct, frozen=True):
    """A file as stat shows it."""

    st_mtime_ns: int = NOW
    st_size: int = 1
    st_mode: int = stat.S_IFREG | 0o644


RULE = Rule(
    now=NOW,
    match=Patterns(["*"]),
    exclude=Patterns([]),
    min_age=0,
    max_age=7 * DAY,
    budgets=Budgets(0, None, None),
    group_by=GroupBy.PATH,
    links=False,
)

OLD = Seen(NOW - 8 * DAY)

BY_AGE = [
    ("old", RULE, "x", OLD, Reason.TOO_OLD),
    ("young", RULE, "x", Seen(NOW - DAY), Reason.YOUNG_ENOUGH),
    ("exactly as old as allowed", RULE, "x", Seen(NOW - 7 * DAY), Reason.YOUNG_ENOUGH),
    ("a nanosecond older", RULE, "x", Seen(NOW - 7 * DAY - 1), Reason.TOO_OLD),
    ("from before 1970", RULE, "x", Seen(-(10**18)), Reason.TOO_OLD),
    ("made since", RULE, "x", Seen(NOW + 1), Reason.YOUNG_ENOUGH),
    ("an hour ahead", RULE, "x", Seen(NOW + HOUR), Reason.YOUNG_ENOUGH),
    ("further ahead", RULE, "x", Seen(NOW + HOUR + 1), Reason.DATED_IN_THE_FUTURE),
    ("not matched", replace(RULE, match=Patterns(["*.part"])), "x", OLD, Reason.NOT_MATCHED),
    ("matched", replace(RULE, match=Patterns(["*.part"])), "x.part", OLD, Reason.TOO_OLD),
    ("excluded", replace(RULE, exclude=Patterns(["x*"])), "x", OLD, Reason.EXCLUDED),
    ("younger than the least age", replace(RULE, min_age=9 * DAY), "x", OLD, Reason.YOUNG_ENOUGH),
    ("without a greatest age", replace(RULE, max_age=None), "x", OLD, Reason.WITHIN_LIMITS),
    ("greatest age zero", replace(RULE, max_age=0), "x", Seen(NOW - 1), Reason.TOO_OLD),
    ("a symbolic link", RULE, "x", replace(OLD, st_mode=stat.S_IFLNK | 0o777), Reason.SYMBOLIC_LINK),
    ("a link that counts", replace(RULE, links=True), "x", replace(OLD, st_mode=stat.S_IFLNK), Reason.TOO_OLD),
    *(
        (f"kind {kind:o}", replace(RULE, links=True), "x", replace(OLD, st_mode=kind), Reason.NOT_A_REGULAR_FILE)
        for kind in (stat.S_IFDIR, stat.S_IFIFO, stat.S_IFSOCK, stat.S_IFCHR, stat.S_IFBLK)
    ),
]


@pytest.mark.parametrize(("rule", "name", "about", "reason"), [row[1:] for row in BY_AGE], ids=[r[0] for r in BY_AGE])
def test_file_is_judged_by_age(rule: Rule, name: str, about: Seen, reason: Reason) -> None:
    assert rule.judge("", None)(name, about) is reason


def judged(rule: Rule, files: dict[str, Seen], directory: str = "") -> dict[str, Reason]:
    """Judge the files of one directory, with as many passes as the ranking wants."""
    ranking = Ranking(rule.budgets) if rule.budgets.any() else None
    while ranking is not None:
        rank = rule.rank(directory, ranking)
        for name, about in files.items():
            rank(name, about)
        if ranking.settle():
            break
    judge = rule.judge(directory, ranking)
    return {name: judge(name, about) for name, about in files.items()}


def ages(*days: float, size: int = 1) -> dict[str, Seen]:
    """Return files named by their age in days."""
    return {f"{age:g}d": Seen(NOW - int(age * DAY), size) for age in days}


def test_latest_are_kept_whatever_their_age() -> None:
    rule = replace(RULE, budgets=Budgets(2, None, None))
    assert judged(rule, ages(8, 9, 10)) == {
        "8d": Reason.AMONG_LATEST,
        "9d": Reason.AMONG_LATEST,
        "10d": Reason.TOO_OLD,
    }


def test_files_over_the_count_go_oldest_first() -> None:
    rule = replace(RULE, max_age=None, budgets=Budgets(0, 2, None))
    assert judged(rule, ages(3, 1, 2)) == {
        "1d": Reason.WITHIN_LIMITS,
        "2d": Reason.WITHIN_LIMITS,
        "3d": Reason.OVER_COUNT,
    }


def test_count_of_zero_deletes_everything() -> None:
    rule = replace(RULE, max_age=None, budgets=Budgets(0, 0, None))
    assert set(judged(rule, ages(1, 2)).values()) == {Reason.OVER_COUNT}


def test_files_over_the_size_go_oldest_first() -> None:
    rule = replace(RULE, max_age=None, budgets=Budgets(0, None, 25))
    assert judged(rule, ages(1, 2, 3, size=10)) == {
        "1d": Reason.WITHIN_LIMITS,
        "2d": Reason.WITHIN_LIMITS,
        "3d": Reason.OVER_SIZE,
    }


def test_small_old_file_goes_with_the_large_one_before_it() -> None:
    rule = replace(RULE, max_age=None, budgets=Budgets(0, None, 25))
    files = {"new": Seen(NOW - 1, 10), "large": Seen(NOW - 2, 100), "small": Seen(NOW - 3, 1)}
    assert judged(rule, files) == {
        "new": Reason.WITHIN_LIMITS,
        "large": Reason.OVER_SIZE,
        "small": Reason.OVER_SIZE,
    }


def test_least_age_protects_from_count_and_size() -> None:
    rule = replace(RULE, min_age=2 * DAY, budgets=Budgets(0, 0, 0))
    assert judged(rule, ages(1, 3)) == {"1d": Reason.YOUNG_ENOUGH, "3d": Reason.OVER_COUNT}


def test_future_file_takes_nobodys_place() -> None:
    rule = replace(RULE, budgets=Budgets(1, None, None))
    files = {"future": Seen(NOW + DAY), "latest": Seen(NOW - 8 * DAY), "older": Seen(NOW - 9 * DAY)}
    assert judged(rule, files) == {
        "future": Reason.DATED_IN_THE_FUTURE,
        "latest": Reason.AMONG_LATEST,
        "older": Reason.TOO_OLD,
    }


def test_what_does_not_match_takes_nobodys_place() -> None:
    rule = replace(RULE, match=Patterns(["*.log"]), budgets=Budgets(1, None, None))
    files = {"x": Seen(NOW - 8 * DAY), "a.log": Seen(NOW - 9 * DAY), "b.log": Seen(NOW - 10 * DAY)}
    assert judged(rule, files) == {"x": Reason.NOT_MATCHED, "a.log": Reason.AMONG_LATEST, "b.log": Reason.TOO_OLD}


def test_of_equally_old_files_exactly_the_count_stays() -> None:
    rule = replace(RULE, max_age=None, budgets=Budgets(0, 3, None))
    reasons = judged(rule, {f"file-{number}": Seen(NOW - DAY) for number in range(10)})
    assert sorted(reasons.values()) == [Reason.OVER_COUNT] * 7 + [Reason.WITHIN_LIMITS] * 3


SERIES = [("db-2026-03-01.sql", "db-#-#-#.sql"), ("a1b22c", "a#b#c"), ("plain", "plain"), ("٣", "٣")]
SUFFIXES = [("a.log", ".log"), ("a.tar.gz", ".gz"), (".profile", ""), ("plain", ""), ("dot.", ".")]


@pytest.mark.parametrize(("name", "series"), SERIES)
def test_series_is_what_is_left_without_digits(name: str, series: str) -> None:
    assert series_of(name) == series


@pytest.mark.parametrize(("name", "suffix"), SUFFIXES)
def test_suffix_is_what_follows_the_last_dot(name: str, suffix: str) -> None:
    assert suffix_of(name) == suffix


def test_each_series_has_its_own_count() -> None:
    rule = replace(RULE, max_age=None, budgets=Budgets(0, 1, None), group_by=GroupBy.SERIES)
    files = {"a-1": Seen(NOW - 4), "a-2": Seen(NOW - 3), "b-1": Seen(NOW - 2), "b-2": Seen(NOW - 1)}
    assert [name for name, reason in judged(rule, files).items() if reason in DELETED] == ["a-1", "b-1"]


def without_business(rule: Rule, files: dict[str, Seen], directory: str) -> dict[str, Reason]:
    """Return why the rule is not about some of the files."""
    match, exclude = rule.match.within(directory), rule.exclude.within(directory)
    reasons: dict[str, Reason] = {}
    for name, about in files.items():
        if not stat.S_ISREG(about.st_mode):
            reasons[name] = Reason.SYMBOLIC_LINK if stat.S_ISLNK(about.st_mode) else Reason.NOT_A_REGULAR_FILE
        elif not match(name):
            reasons[name] = Reason.NOT_MATCHED
        elif exclude(name):
            reasons[name] = Reason.EXCLUDED
        elif about.st_mtime_ns > NOW:
            late = about.st_mtime_ns - NOW > HOUR
            reasons[name] = Reason.DATED_IN_THE_FUTURE if late else Reason.YOUNG_ENOUGH
    return reasons


def oracle(rule: Rule, files: dict[str, Seen], directory: str) -> dict[str, Reason]:
    """Judge by sorting whole groups in memory, one question after the other."""

    def group(name: str) -> str:
        return {GroupBy.SERIES: series_of, GroupBy.SUFFIX: suffix_of}.get(rule.group_by, lambda _: "")(name)

    reasons = without_business(rule, files, directory)
    budgets = rule.budgets
    stays = Reason.YOUNG_ENOUGH if rule.max_age is not None and not budgets.any() else Reason.WITHIN_LIMITS
    # Without any bound nobody asks for an age.
    protected = rule.min_age if budgets.any() or rule.max_age is not None else 0
    for _, members in groupby(sorted(set(files) - set(reasons), key=group), key=group):
        newest = sorted(members, key=lambda name: -key_of(files[name].st_mtime_ns, name, seed_of(directory)))
        total = 0
        for place, name in enumerate(newest):
            age = NOW - files[name].st_mtime_ns
            total += files[name].st_size
            if place < budgets.keep_latest:
                reasons[name] = Reason.AMONG_LATEST
            elif age < protected:
                reasons[name] = Reason.YOUNG_ENOUGH
            elif rule.max_age is not None and age > max(rule.max_age, rule.min_age):
                reasons[name] = Reason.TOO_OLD
            elif budgets.max_count is not None and place >= budgets.max_count:
                reasons[name] = Reason.OVER_COUNT
            elif budgets.max_size is not None and total > budgets.max_size:
                reasons[name] = Reason.OVER_SIZE
            else:
                reasons[name] = stays
    return reasons


FILES = st.dictionaries(
    st.from_regex(r"[ab][12]{0,2}(\.(log|gz))?", fullmatch=True),
    st.builds(
        Seen,
        st.integers(-10, 3).map(lambda half_days: NOW + half_days * DAY // 2),
        st.integers(0, 20),
        st.sampled_from([stat.S_IFREG | 0o600] * 8 + [stat.S_IFLNK, stat.S_IFIFO]),
    ),
    max_size=20,
)

RULES = st.builds(
    replace,
    st.just(RULE),
    match=st.sampled_from([["*"], ["*.log", "a*"], ["d/*"]]).map(Patterns),
    exclude=st.sampled_from([[], ["*2*"], ["**/b*"]]).map(Patterns),
    min_age=st.sampled_from([0, DAY, 3 * DAY]),
    max_age=st.sampled_from([None, 0, DAY, 2 * DAY]),
    budgets=st.builds(
        Budgets,
        st.integers(0, 4),
        st.none() | st.integers(0, 6),
        st.none() | st.integers(0, 80),
    ),
    group_by=st.sampled_from(GroupBy),
)


@given(RULES, FILES, st.sampled_from(["", "d"]))
def test_judge_agrees_with_the_oracle(rule: Rule, files: dict[str, Seen], directory: str) -> None:
    assert judged(rule, files, directory) == oracle(rule, files, directory)


@given(RULES, FILES, st.sampled_from(["", "d"]))
def test_what_is_sure_is_what_the_judge_says(rule: Rule, files: dict[str, Seen], directory: str) -> None:
    sure = rule.sure(directory)
    reasons = judged(rule, files, directory)
    if sure is None:
        return
    for name, about in files.items():
        if about.st_mtime_ns < sure[0] and stat.S_ISREG(about.st_mode):
            assert reasons[name] is sure[1]
        else:
            assert reasons[name] not in DELETED


@given(RULES, FILES)
def test_latest_and_young_are_never_deleted(rule: Rule, files: dict[str, Seen]) -> None:
    for name, reason in judged(rule, files).items():
        if reason in DELETED:
            assert NOW - files[name].st_mtime_ns >= rule.min_age


@given(RULES, FILES)
def test_judging_again_after_the_deletions_deletes_nothing_more(rule: Rule, files: dict[str, Seen]) -> None:
    left = {name: files[name] for name, reason in judged(rule, files).items() if reason not in DELETED}
    assert not DELETED & set(judged(rule, left).values())
