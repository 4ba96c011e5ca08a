from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from agent.model.backups import Backup, Level
from agent.rules.levels import Wish, choose
from tests.rules.test_keep import NOTHING, NOW, backup, standing

FULL, INCREMENTAL, DIFFERENTIAL = Level.FULL, Level.INCREMENTAL, Level.DIFFERENTIAL
DAY = 86400.0
WEEK = [backup("full", 3), backup("on", 2, "full"), backup("last", 1, "on")]
ASIDE = [backup("full", 3), replace(backup("aside", 2, "full"), level=DIFFERENTIAL)]


def choice(series: list[Backup], between: Level = INCREMENTAL, **changes: Any) -> tuple[str, str, str]:
    """Return the level, what it builds on, and why, for a policy with a full backup each week."""
    known = {
        "levels": frozenset(Level),
        "now": NOW,
        "standing": NOTHING,
        "sources": dict.fromkeys([one.id for one in series], "same"),
        **changes,
    }
    wish = Wish(between=between, full_every=known.pop("every", 7 * DAY), sources="same")
    made = choose(series, wish, **known)
    return made.level, made.parent.id if made.parent else "", made.why


@pytest.mark.parametrize(
    ("series", "changes", "level", "parent", "why"),
    [
        ([], {}, FULL, "", "there is no full backup to build on"),
        (WEEK, {}, INCREMENTAL, "last", "last can be built on"),
        (WEEK, {"between": DIFFERENTIAL}, DIFFERENTIAL, "full", "full can be built on"),
        (ASIDE, {}, INCREMENTAL, "aside", "aside can be built on"),
        (ASIDE, {"between": DIFFERENTIAL}, DIFFERENTIAL, "full", "full can be built on"),
        (WEEK, {"levels": {FULL}}, FULL, "", "the engine has no incremental backups"),
        (WEEK, {"every": 3 * DAY}, FULL, "", "the last full one is 3d0h old, and `full.every` is 3d"),
        # A run that starts a little earlier than the one of a week ago makes a full backup all the same.
        (WEEK, {"now": NOW + 3.6 * DAY}, FULL, "", "the last full one is 6d14h old, and `full.every` is 1w"),
        (WEEK, {"now": NOW + 3.4 * DAY}, INCREMENTAL, "last", ""),
        (WEEK, {"every": DAY, "now": NOW - 2.2 * DAY}, INCREMENTAL, "full", ""),
        (WEEK, {"every": DAY, "now": NOW - 2.05 * DAY}, FULL, "", "the last full one is 22h48m old"),
        ([*WEEK, backup("bad", 0.5, "last", ("a is missing",))], {}, FULL, "", "bad is not good: a is missing"),
        ([*WEEK, backup("bad", 0.5, "last", ("a",))], {"between": DIFFERENTIAL}, DIFFERENTIAL, "full", ""),
        ([backup("full", 3, "", ("a",)), backup("on", 2, "full")], {}, FULL, "", "full is not good: a"),
        (WEEK, {"standing": standing(damaged={"on": 1})}, FULL, "", "on was found damaged"),
        (WEEK, {"standing": standing({"on": 0}, {"on": 1})}, INCREMENTAL, "last", ""),
        ([WEEK[0], WEEK[2]], {}, FULL, "", "backup last cannot be restored: on, which last builds on, is not there"),
        (WEEK, {"sources": {"last": "other"}}, FULL, "", "the sources or the repository have changed since last"),
        (WEEK, {"sources": {"full": "same"}}, FULL, "", "it is not known what is in last"),
        ([*WEEK, backup("later", -1)], {}, INCREMENTAL, "last", ""),
        (
            [*WEEK, backup("put", 1.5)],
            {"standing": standing(known={"full", "on", "last"})},
            INCREMENTAL,
            "last",
            "last can be built on, and the last full one is young enough",
        ),
    ],
)
def test_choose_makes_a_full_backup_where_nothing_can_be_built_on(
    series: list[Backup], changes: dict[str, Any], level: Level, parent: str, why: str
) -> None:
    made = choice(series, **changes)
    assert made[:2] == (level, parent), made
    assert why in made[2]
