from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from agent.rules.rotating import Generation, dated, outlived, outlived_by_us, to_pack

GENERATIONS = st.lists(
    st.builds(
        Generation,
        st.builds("app.log-20260101-{:010d}{}".format, st.integers(1, 20), st.sampled_from(["", ".zst"])),
        st.integers(0, 3),
        st.floats(0, 20 * 86400),
    ),
    unique_by=lambda one: one.name,
)
NOW = 20 * 86400.0


def whole(ones: list[Generation]) -> set[str]:
    """Return the generations of files, each once: an empty plain file is none."""
    return {one.name.removesuffix(".zst") for one in ones if one.bytes or one.name.endswith(".zst")}


@given(found=GENERATIONS, keep=st.integers(1, 10))
def test_own_rotation_deletes_whole_generations_and_keeps_the_newest(found: list[Generation], keep: int) -> None:
    gone = outlived_by_us("app.log", found, keep=keep, max_age=None, ending=".zst", now=NOW)
    left = [one for one in found if one not in gone]
    assert len(whole(left)) == min(len(whole(found)), keep - 1)
    assert not whole(left) & whole(gone)
    assert all(one.bytes or one.name.endswith(".zst") for one in left)
    assert not whole(left) or not whole(gone) or min(whole(left)) > max(whole(gone))


@given(found=GENERATIONS, keep=st.integers(1, 10), age=st.one_of(st.none(), st.integers(1, 20)))
def test_own_rotation_deletes_what_logrotate_does_where_nobody_was_killed(
    found: list[Generation], keep: int, age: int | None
) -> None:
    names = {one.name for one in found}
    sound = [one for one in found if one.bytes and f"{one.name}.zst" not in names]
    asked: dict[str, Any] = {"keep": keep, "max_age": age, "ending": ".zst", "now": NOW}
    gone = outlived_by_us("app.log", sound, **asked)
    assert gone == outlived("app.log", sound, **asked)


def test_generations_to_pack_are_the_plain_ones_of_this_log() -> None:
    names = ["app.log-20260102-1767000002", "app.log-20260101-1767000001", "app.log-20260101-1767000000.zst"]
    others = ["app.log.1", "app.log-20260101", "other.log-20260101-1767000001", "app.log-20260101-1767000009"]
    found = [Generation(name, 0 if name.endswith("9") else 1, 0.0) for name in [*names, *others]]
    assert to_pack("app.log", found) == [names[1], names[0]]


def test_name_of_a_generation_has_the_date_of_utc() -> None:
    at = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
    assert dated(at) == dated(at.astimezone(timezone(timedelta(hours=5)))) == f"-20260301-{int(at.timestamp())}"
