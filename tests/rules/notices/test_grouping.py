from __future__ import annotations

from agent.model.notices import Event
from agent.model.policies import Quiet, Severity
from agent.rules.notices.grouping import due, newest_of_each
from tests.notices import NOW, notice, notifier

NIGHT = Quiet(22 * 60, 7 * 60, "UTC", (Severity.CRITICAL,))


def test_notices_wait_for_their_group_and_then_go_together() -> None:
    notices = [notice(at=NOW, seq=1), notice(at=NOW + 9, key="other", seq=2)]
    early = due(notifier(), notices, NOW + 9.5, None)
    assert (early.now, early.wake) == ((), NOW + 10)
    assert due(notifier(), notices, NOW + 10, None).now == tuple(notices)


def test_notices_below_the_least_severity_are_unwanted() -> None:
    mild, bad = notice(severity=Severity.INFO), notice(severity=Severity.CRITICAL)
    found = due(notifier(severity=Severity.CRITICAL), [mild, bad], NOW + 60, None)
    assert (found.now, found.unwanted) == ((bad,), (mild,))


def test_notices_in_quiet_hours_wait_for_their_end_but_for_the_severities_that_are_told() -> None:
    mild, bad = notice(), notice(severity=Severity.CRITICAL)
    found = due(notifier(quiet=NIGHT), [mild, bad], NOW + 60, NOW + 3600)
    assert (found.now, found.wake) == ((bad,), NOW + 3600)
    assert due(notifier(quiet=NIGHT), [mild], NOW + 3600, None).now == (mild,)


def test_notices_for_alertmanager_neither_wait_nor_keep_silent() -> None:
    found = due(notifier(kind="alertmanager", quiet=NIGHT), [notice()], NOW, NOW + 3600)
    assert found.now == (notice(),)


def test_notices_from_the_future_of_a_clock_set_back_are_told_in_time() -> None:
    ahead = [notice(at=NOW + 86400)]
    assert due(notifier(), ahead, NOW, None).wake == NOW + 10


def test_group_tells_only_the_last_of_a_series_and_leaves_out_what_nobody_heard_of() -> None:
    fired, cleared = notice(seq=1), notice(event=Event.CLEARED, seq=2)
    stranger = notice(event=Event.CLEARED, key="stranger", seq=3)
    assert newest_of_each([fired, cleared], lambda _: False) == [(cleared, True)]
    assert newest_of_each([stranger], lambda _: False) == []
    assert newest_of_each([cleared], lambda _: True) == [(cleared, False)]
    assert newest_of_each([cleared, fired], lambda _: True) == [(fired, False)]


def test_group_tells_every_run_of_a_task() -> None:
    runs = [notice(event=Event.FAILURE, key="task:t", run=n, seq=n) for n in (1, 2)]
    assert [one for one, _ in newest_of_each(runs, lambda _: False)] == runs
