"""What the tasks of a policy set come to in the days ahead, in view of how long they took until today."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta, tzinfo

from agent.engine.agenda import Agenda
from agent.model.policies import PolicySet
from agent.rules.upcoming import Upcoming, upcoming
from agent.store import Store
from agent.trigger import next_fire, parse, zone


def next_due(policies: PolicySet, local: tzinfo, now: datetime) -> dict[str, float]:
    """Given a set, the host's zone and an aware instant, return by task when it falls due next after that.

    Tasks without a schedule, and those that are not enabled, are not in the answer. Seconds since the epoch.
    """
    found = {}
    for name, task in policies.tasks.items():
        if task.schedule is not None and task.enabled:
            fire = next_fire(parse(task.schedule.text), zone(task.schedule.timezone, local), now)
            if fire is not None:
                found[name] = fire.timestamp()
    return found


def days_ahead(
    store: Store | None,
    policies: PolicySet,
    local: tzinfo,
    host_id: str,
    start: datetime,
    days: int,
    held: Collection[str] = (),
) -> Upcoming:
    """Given a store if there is one, return the calendar from an aware instant on; nothing is known of the past else.

    `local` is the host's zone, `host_id` what makes its jitter its own, `held` the tasks that are held at that instant.
    """
    expected: dict[str, float] = {}
    if store is not None:
        agenda = Agenda(store, policies, local)
        found = {name: agenda.expected(name) for name in policies.tasks}
        expected = {name: seconds for name, seconds in found.items() if seconds is not None}
    end = start + timedelta(days=days)
    return upcoming(policies, start, end, local=local, host_id=host_id, expected=expected, held=held)
