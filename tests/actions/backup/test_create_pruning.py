"""What `backup.create` removes, what it never does, and how it tells."""

from __future__ import annotations

from typing import Any

import pytest

from agent.errors import Refused, RunFailed
from agent.model.policies import Limits
from agent.model.reasons import Reason
from tests.actions.backup.world import Host

FULL: dict[str, Any] = {"full": {"every": "1m"}}


def filled(host: Host, days: int) -> None:
    """Let there be a full backup of each of so many days before today, which this host made."""
    for day in range(days, 0, -1):
        host.ledger.made(host.had(f"d{day}", day))


def test_prune_removes_what_no_rule_keeps_and_says_why(host: Host) -> None:
    filled(host, 30)
    outcome = host.run(keep={"daily": 3, "weekly": 2}, **FULL)["prune"]
    new = host.ids()[-1]
    # The epoch of the tests is a Sunday: the newest of the week before is d7.
    assert host.ids() == ["d7", "d2", "d1", new]
    assert outcome.counts == {Reason.KEPT_BY_RULE: 4, Reason.OUTSIDE_KEEP: 27}
    assert f"keep {new}: kept_by_rule (daily 1 of 3, weekly 1 of 2)" in outcome.output.splitlines()
    assert "remove d3: outside_keep" in outcome.output.splitlines()
    assert {one.id for one in host.ledger.known("local", "task")} == set(host.ids())
    assert (b"local/task/d3", "outside_keep") in host.objects.deleted
    assert len(host.heard) == 31


def test_prune_previews_what_it_then_removes(host: Host) -> None:
    filled(host, 30)
    keep = {"daily": 3, "weekly": 2}
    preview = host.previews(keep=keep, **FULL)["prune"]
    would_go = {one.target.decode() for one in host.heard if one.deleted}
    assert (preview.facts["remove"], preview.facts["keep"]) == (27, 4)
    assert preview.summary == "remove 27 of 31 backups (0 bytes)"
    host.heard.clear()
    host.run(keep=keep, **FULL)
    assert {one.target.decode() for one in host.heard if one.deleted} == would_go


def test_prune_without_keep_is_no_step(host: Host) -> None:
    filled(host, 30)
    assert "prune" not in host.run()
    assert len(host.ids()) == 31


def test_prune_keeps_the_newest_proven_backup_and_what_it_builds_on(host: Host) -> None:
    for _ in range(4):
        host.run_later(1)
    proven = host.ids()[1]
    host.proved(proven)
    for _ in range(3):
        host.run_later(1, keep={"last": 1}, **FULL)
    assert host.ids()[:2] == [host.ids()[0], proven]
    assert len(host.ids()) == 3


def test_prune_never_touches_other_tasks(host: Host) -> None:
    for day in range(5):
        host.had(f"other{day}", 10 + day, task="other")
    host.run(keep={"last": 1})
    assert len(host.ids()) == 6


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (Limits(items=5), Reason.LIMIT_ITEMS),
        (Limits(percent=50), Reason.LIMIT_PERCENT),
        (Limits(items=29, percent=97), None),
    ],
)
def test_prune_past_its_limits_removes_nothing_and_fails_the_run(
    host: Host, limits: Limits, reason: Reason | None
) -> None:
    filled(host, 30)
    host.limits = limits
    if reason is None:
        host.run(keep={"last": 2}, **FULL)
        assert len(host.ids()) == 2
        return
    assert host.previews(keep={"last": 2}, **FULL)["prune"].facts["refused"] == reason
    with pytest.raises(Refused, match=r"no backup was removed: 29 .*backups") as raised:
        host.run(keep={"last": 2}, **FULL)
    assert raised.value.reason == reason
    assert len(host.ids()) == 31


def test_prune_beyond_its_history_removes_nothing_unless_allowed(host: Host) -> None:
    filled(host, 20)
    for _ in range(4):
        host.run_later(1, keep={"last": 19}, **FULL)
    assert len(host.ids()) == 19
    with pytest.raises(Refused, match="18 backups would be removed, and earlier runs removed 2 at most") as raised:
        host.run_later(1, keep={"last": 2}, **FULL)
    assert raised.value.reason == Reason.BEYOND_HISTORY
    host.run_later(1, keep={"last": 2}, beyond_history="allow", **FULL)
    assert len(host.ids()) == 2


def test_prune_under_a_suspect_clock_removes_nothing_and_the_backup_is_made(host: Host) -> None:
    filled(host, 5)
    host.run(keep={"last": 10}, **FULL)
    host.clock.step(400 * 86400 + 7200)
    with pytest.raises(Refused, match=r"the clock went .* ahead") as raised:
        host.run_later(0.1, keep={"last": 1}, **FULL)
    assert raised.value.reason == Reason.CLOCK_SUSPECT
    assert len(host.ids()) == 7


def test_prune_under_a_clock_that_stays_wrong_removes_nothing_until_somebody_vouches_for_it(host: Host) -> None:
    filled(host, 5)
    host.run(keep={"last": 10}, **FULL)
    host.clock.step(400 * 86400 + 7200)
    for _ in range(3):
        with pytest.raises(Refused, match=r"the clock went .* ahead"):
            host.run_later(0.1, keep={"last": 1}, **FULL)
    assert len(host.ids()) == 9
    host.run_later(0.1, keep={"last": 1}, suspect_clock="allow", **FULL)
    assert len(host.ids()) == 1
    host.run_later(0.1, keep={"last": 1}, **FULL)


def test_prune_with_flaws_and_a_refusal_fails_with_both(host: Host) -> None:
    filled(host, 30)
    host.limits = Limits(items=1)
    host.vault.flaws = ("/srv/a: permission denied",)
    with pytest.raises(RunFailed, match="is not good: /srv/a: permission denied\nno backup was removed"):
        host.run(keep={"last": 2}, **FULL)


def test_prune_with_backups_gone_that_this_host_made_removes_nothing(host: Host) -> None:
    filled(host, 10)
    lost = host.vault.stored.pop("d4")
    with pytest.raises(Refused, match=r"1 backups that this host made are not listed any more \(d4\)") as raised:
        host.run(keep={"last": 2}, **FULL)
    assert raised.value.reason == Reason.LISTING_INCOMPLETE
    assert len(host.ids()) == 10
    host.vault.put(lost.backup)
    host.run_later(1, keep={"last": 12}, **FULL)
    del host.vault.stored["d4"]
    host.run_later(1, keep={"last": 2}, vanished="forget", **FULL)
    assert len(host.ids()) == 2
    host.run_later(1, keep={"last": 2}, **FULL)


def test_prune_with_a_listing_that_lies_empty_removes_nothing(host: Host) -> None:
    filled(host, 10)
    hidden = dict(host.vault.stored)
    host.vault.stored.clear()
    with pytest.raises(Refused, match="10 backups"):
        host.run(keep={"last": 1}, **FULL)
    host.vault.stored.update(hidden)
    assert len(host.ids()) == 11


@pytest.mark.parametrize("removed", [False, True])
def test_prune_killed_around_the_removal_is_gone_on_with(host: Host, removed: bool) -> None:
    filled(host, 5)
    ctx = host.context()
    steps = host.steps(ctx, keep={"last": 2}, **FULL)
    for name in ("check", "back-up", "verify"):
        steps[name].do()
    known = dict(host.ledger.backups)
    if removed:
        steps["prune"].do()
        # As if the process had died before the ledger was told.
        host.ledger.backups.update(known)
        host.memory.facts["removing:local"] = ["d2", "d3", "d4", "d5"]
    else:
        host.vault.fails["remove"] = RuntimeError("killed")
        with pytest.raises(RuntimeError):
            steps["prune"].do()
        host.vault.fails.clear()
    host.run(ctx, keep={"last": 2}, **FULL)
    assert host.ids() == ["d1", host.ids()[-1]]
    assert {one.id for one in host.ledger.known("local", "task")} == set(host.ids())


def test_prune_of_a_removal_that_fails_halfway_lets_the_ledger_know_what_is_gone(host: Host) -> None:
    filled(host, 5)
    host.vault.fails["remove"] = RunFailed("d3: input/output error")
    host.vault.before["remove"] = lambda: host.vault.stored.__delitem__("d5")
    with pytest.raises(RunFailed, match="input/output error"):
        host.run(keep={"last": 2}, **FULL)
    assert {one.id for one in host.ledger.known("local", "task")} == set(host.ids())
    host.vault.fails.clear()
    host.vault.before.clear()
    host.run_later(1, keep={"last": 2}, **FULL)
    assert len(host.ids()) == 2


def test_prune_gives_no_slot_to_backups_that_somebody_put_between(host: Host) -> None:
    filled(host, 10)
    for number in range(50):
        host.had(f"junk{number}", 1.5 + number / 7)
    outcome = host.run(keep={"last": 5}, **FULL)["prune"]
    assert outcome.counts[Reason.NOT_MADE_HERE] == 50
    assert [one for one in host.ids() if one.startswith("d")] == ["d4", "d3", "d2", "d1"]
