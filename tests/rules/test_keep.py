from __future__ import annotations

import random
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from agent.errors import RunFailed
from agent.model.backups import Backup, Level, Proof, Verification
from agent.model.reasons import Reason
from agent.rules.buckets import Keep
from agent.rules.keep import Decision, Standing, decide, good, latecomers, newcomers

NOON = datetime(2026, 8, 20, 12, tzinfo=UTC)
NOW = NOON.timestamp()
NOTHING = Standing(proofs={}, verifications={})


def backup(name: str, days: float, parent: str = "", flaws: tuple[str, ...] = ()) -> Backup:
    """Return one that began so many days before now."""
    began = NOW - 86400 * days
    level = Level.INCREMENTAL if parent else Level.FULL
    return Backup(
        id=name,
        repository="local",
        host="host",
        task="task",
        level=level,
        parent=parent,
        began=began,
        ended=began + 1,
        parts=(),
        files=1,
        flaws=flaws,
    )


def daily(count: int, start: int = 0) -> list[Backup]:
    """Return one a day, the newest `start` days old, named for their ages."""
    return [backup(f"d{days}", days) for days in range(start, start + count)]


def standing(
    proven: dict[str, float] | None = None, damaged: dict[str, float] | None = None, known: set[str] | None = None
) -> Standing:
    """Return what is known: of what was proven and found damaged, so many days ago."""
    return Standing(
        proofs={
            one: Proof(
                repository="local", task="task", backup=one, at=NOW - 86400 * days, seconds=1, bytes=1, checks={}
            )
            for one, days in (proven or {}).items()
        },
        verifications={
            one: Verification(
                repository="local",
                task="task",
                backup=one,
                at=NOW - 86400 * days,
                deep=True,
                bytes=1,
                flaws=("files.tar.zst: 1 byte is wrong",),
            )
            for one, days in (damaged or {}).items()
        },
        known=frozenset(known or ()),
    )


def names(decisions: tuple[Decision, ...], reason: Reason | None = None) -> list[str]:
    """Return those kept, or those with a reason, newest first."""
    return [one.backup.id for one in decisions if (one.kept if reason is None else one.reason is reason)]


def told(decisions: tuple[Decision, ...]) -> dict[str, str]:
    return {one.backup.id: f"{one.reason}: {one.detail}".removesuffix(": ") for one in decisions}


def test_decide_without_flaws_or_proofs_keeps_what_restic_keeps() -> None:
    decisions = decide(daily(400), Keep(daily=7, weekly=4, monthly=6), UTC, NOW, NOTHING)
    assert len(names(decisions)) == 14
    oldest = datetime.fromtimestamp(min(one.backup.began for one in decisions if one.kept), UTC)
    assert str(oldest.date()) == "2026-03-31"
    assert told(decisions)["d0"] == "kept_by_rule: daily 1 of 7, weekly 1 of 4, monthly 1 of 6"
    assert told(decisions)["d12"] == "outside_keep"
    assert len(decisions) == 400


def test_decide_with_the_newest_proven_keeps_what_restic_keeps() -> None:
    keep = Keep(daily=7, weekly=4, monthly=6)
    assert names(decide(daily(400), keep, UTC, NOW, standing({"d0": 0}))) == names(
        decide(daily(400), keep, UTC, NOW, NOTHING)
    )


def test_decide_counts_days_in_the_zone() -> None:
    series = [backup("late", 0.5 + 1 / 48), backup("later", 0.5 - 1 / 48)]  # 23:30 and 00:30 UTC
    assert names(decide(series, Keep(daily=1), UTC, NOW, NOTHING)) == ["later"]
    series = [backup("late", 0.5 + 3 / 48), backup("later", 0.5 + 5 / 48)]  # 22:30 and 21:30 UTC
    assert names(decide(series, Keep(daily=2), ZoneInfo("Europe/Berlin"), NOW, NOTHING)) == ["late", "later"]


def test_decide_keeps_the_newest_proven_one_whatever_its_age() -> None:
    decisions = decide(daily(400), Keep(last=2), UTC, NOW, standing({"d300": 1, "d350": 2}))
    assert told(decisions)["d300"] == "newest_proven: last 1 of 2, up to the newest proven one"
    assert told(decisions)["d350"] == "outside_keep"
    assert names(decisions) == ["d0", "d1", "d300", "d301"]


def test_decide_keeps_the_newest_proven_one_and_the_newest_proven_good_one() -> None:
    decisions = decide(daily(9), Keep(last=1), UTC, NOW, standing({"d3": 3, "d5": 5}, {"d3": 1}))
    assert names(decisions, Reason.NEWEST_PROVEN) == ["d3", "d5"]
    assert names(decisions) == ["d0", "d3", "d5"]
    assert told(decisions)["d3"] == "newest_proven: until damage was found in it"


def test_backup_that_was_found_damaged_since_its_proof_is_not_proven() -> None:
    facts = standing({"since": 3, "before": 1, "sound": 5}, {"since": 1, "before": 3, "never": 2})
    assert [facts.proven(one) for one in ("since", "before", "sound", "never")] == [False, True, True, False]


def test_decide_takes_a_restore_after_a_damage_for_its_end() -> None:
    decisions = decide(daily(9), Keep(last=1), UTC, NOW, standing({"d3": 1, "d5": 5}, {"d3": 2}))
    assert names(decisions) == ["d0", "d3"]


def test_decide_keeps_what_a_kept_one_builds_on() -> None:
    series = [
        *(backup("full", 9), backup("first", 8, "full"), backup("second", 7, "first")),
        *(backup("other", 6), backup("aside", 5, "other")),
    ]
    decisions = decide(series, Keep(last=1), UTC, NOW, standing({"second": 1}))
    assert told(decisions) == {
        "aside": "kept_by_rule: last 1 of 1",
        "other": "needed_by_kept: aside",
        "second": "newest_proven: last 1 of 1, up to the newest proven one",
        "first": "needed_by_kept: second",
        "full": "needed_by_kept: second",
    }


def test_decide_leaves_the_future_alone_and_counts_without_it() -> None:
    series = [*daily(5), *(backup(f"f{day}", -day) for day in (1, 2, 3))]
    decisions = decide(series, Keep(last=2, within=1.5 * 86400), UTC, NOW, NOTHING)
    assert names(decisions, Reason.DATED_IN_THE_FUTURE) == ["f3", "f2", "f1"]
    assert names(decisions, Reason.KEPT_BY_RULE) == ["d0", "d1"]


def test_decide_gives_no_slot_of_the_good_ones_to_flawed_ones() -> None:
    flawed = [backup(f"x{days}", days, flaws=("one file is missing",)) for days in range(5)]
    decisions = decide([*flawed, *daily(5, 5)], Keep(last=3), UTC, NOW, NOTHING)
    assert names(decisions) == ["x0", "x1", "x2", "d5", "d6", "d7"]
    assert told(decisions)["x1"] == "kept_by_rule: last 2 of 3, counting all"
    assert told(decisions)["d7"] == "kept_by_rule: last 3 of 3"


def test_decide_of_flawed_ones_alone_keeps_the_newest() -> None:
    flawed = [backup(f"x{days}", days, flaws=("one file is missing",)) for days in range(5)]
    assert names(decide(flawed, Keep(daily=3), UTC, NOW, NOTHING)) == ["x0", "x1", "x2"]


def test_decide_with_a_flood_after_the_last_proof_keeps_those_before() -> None:
    keep = Keep(last=5, daily=7, weekly=4, monthly=6)
    proven = standing({"d10": 9})
    before = names(decide(daily(200, 10), keep, UTC, NOW, proven))
    flood = [backup(f"junk{number}", 9 - number / 100) for number in range(900)]
    after = names(decide([*daily(200, 10), *flood], keep, UTC, NOW, proven))
    assert set(before) <= set(after)
    assert len([one for one in after if one.startswith("junk")]) <= 22


def test_decide_with_a_flood_dated_back_gives_it_no_slot_and_leaves_it_to_a_person() -> None:
    keep = Keep(last=5, daily=7, weekly=4, monthly=6)
    series = daily(200)
    ours = standing(known={one.id for one in series})
    flood = [backup(f"junk{number}", number / 7 + 0.01) for number in range(900)]
    decisions = decide([*series, *flood], keep, UTC, NOW, ours)
    assert names(decisions, Reason.NOT_MADE_HERE) == [one.id for one in flood]
    assert names(decisions, Reason.KEPT_BY_RULE) == names(decide(series, keep, UTC, NOW, ours))


def test_decide_with_a_flood_of_any_dates_keeps_what_it_kept_without() -> None:
    chance = random.Random(23)
    for _ in range(60):
        series = [backup(f"b{number}", 200 - 1.3 * number) for number in range(chance.randrange(1, 150))]
        facts = standing({chance.choice(series).id: 1}, known={one.id for one in series})
        rules = {name: chance.randrange(4) for name in ("daily", "weekly", "monthly", "quarterly", "yearly")}
        keep = Keep(last=1, **rules)
        flood = [backup(f"junk{number}", chance.uniform(-10, 400)) for number in range(chance.randrange(60))]
        before = set(names(decide(series, keep, UTC, NOW, facts)))
        assert before <= set(names(decide([*series, *flood], keep, UTC, NOW, facts)))


def test_decide_with_a_flood_taken_for_ours_keeps_those_up_to_the_proven_one() -> None:
    chance = random.Random(5)
    for _ in range(60):
        series = [backup(f"b{number}", 200 - 1.3 * number) for number in range(chance.randrange(1, 120))]
        facts = standing({series[-1].id: 1}, known={one.id for one in series})
        keep = Keep(last=1, daily=chance.randrange(4), weekly=chance.randrange(4), monthly=chance.randrange(4))
        before = set(names(decide(series, keep, UTC, NOW, facts)))
        flood = [backup(f"junk{number}", chance.uniform(0, 44)) for number in range(60)]
        taken = standing({series[-1].id: 1}, known={one.id for one in (*series, *flood)})
        assert before <= set(names(decide([*series, *flood], keep, UTC, NOW, taken)))


def test_newcomers_are_those_after_all_that_is_known() -> None:
    assert newcomers(daily(3), frozenset(), NOW) == {"d0", "d1", "d2"}
    assert newcomers(daily(5), frozenset({"d2", "d3"}), NOW) == {"d0", "d1"}
    assert newcomers([*daily(3), backup("f", -1)], frozenset({"d2", "f"}), NOW) == {"d0", "d1"}


def test_decide_where_nothing_is_known_counts_all() -> None:
    assert latecomers(daily(5), frozenset(), NOW) == set()
    assert latecomers(daily(6), frozenset({"d4", "d2"}), NOW) == {"d3"}
    assert latecomers([*daily(5), backup("f", -1)], frozenset({"d4", "d2", "f"}), NOW) == {"d3"}


def test_decide_under_a_suspect_clock_keeps_all() -> None:
    decisions = decide(daily(400), Keep(last=1), UTC, NOW, NOTHING, "the clock went ahead")
    assert {(one.kept, one.reason, one.detail) for one in decisions} == {
        (True, Reason.CLOCK_SUSPECT, "the clock went ahead")
    }


def test_decide_by_a_rule_that_keeps_nothing_is_refused() -> None:
    with pytest.raises(RunFailed, match="would keep nothing"):
        decide(daily(3), Keep(), UTC, NOW, NOTHING)


def test_decide_of_dates_no_calendar_has_does_not_fail() -> None:
    series = [backup("ancient", 10**9), *daily(2), backup("far", -(10**9))]
    assert names(decide(series, Keep(last=2), UTC, NOW, NOTHING)) == ["far", "d0", "d1"]


def test_good_backups_have_chains_that_are_whole() -> None:
    series = [
        *(backup("full", 9), backup("on", 8, "full"), backup("flawed", 7, "on", ("x",)), backup("above", 6, "flawed")),
        *(backup("orphan", 5, "gone"), backup("rotten", 4), backup("built", 3, "rotten")),
    ]
    assert good(series, standing(damaged={"rotten": 1})) == {"full", "on"}
    assert good(series[::-1], standing(damaged={"rotten": 1})) == {"full", "on"}
    assert good([backup("a", 2, "b"), backup("b", 1, "a"), backup("c", 0, "b")], NOTHING) == set()


def test_decisions_about_random_series_keep_their_promises() -> None:
    chance = random.Random(7)
    for _ in range(400):
        series: list[Backup] = []
        for number in range(chance.randrange(1, 30)):
            parent = chance.choice(series).id if series and chance.random() < 0.5 else ""
            flaws = ("x",) if chance.random() < 0.2 else ()
            series.append(backup(f"b{number}", 60 - 2.1 * number, parent, flaws))
        proven = {one.id: chance.random() * 50 for one in series if chance.random() < 0.3}
        damaged = {one.id: chance.random() * 50 for one in series if chance.random() < 0.2}
        known = {one.id for one in series if chance.random() < 0.9}
        keep = Keep(last=chance.randrange(1, 4), daily=chance.randrange(5), monthly=chance.randrange(3))
        facts = standing(proven, damaged, known)
        decisions = decide(series, keep, UTC, NOW, facts)
        stays = {one.backup.id for one in decisions if one.kept}
        sound = good(series, facts)
        assert {one.parent for one in series if one.id in stays and one.parent} <= stays
        assert {one.id for one in series if one.began > NOW} <= stays
        counting = [one.id for one in series if one.began <= NOW and one.id not in latecomers(series, facts.known, NOW)]
        assert set(counting[-1:]) <= stays
        assert set([one for one in counting if one in sound][-keep.last :]) <= stays
        assert set([one for one in counting if one in proven and one in sound][-1:]) <= stays
        assert set([one for one in counting if one in proven][-1:]) <= stays
