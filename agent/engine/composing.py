"""Messages out of notices: what goes together, what fires still, what was done about it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import tzinfo

from msgspec import structs

from agent.digests import sha256
from agent.drivers.notifiers import receivers_of
from agent.engine.reminding import Reminders, pause_before_next, stays_open
from agent.model.notices import GOOD, Alert, Event, Item, Message, Notice, Receiver
from agent.model.policies import Notifier
from agent.readable import duration
from agent.rules.masking import mask
from agent.rules.notices.grouping import AT_ONCE, due, newest_of_each
from agent.rules.notices.quiet import silent_until
from agent.rules.notices.wording import leading, ordered, words, worst
from agent.store import Store
from agent.trigger import zone

LOG = logging.getLogger(__name__)
DONE_MOST = 10
"""So many runs are named that were made about one thing."""


class Composer:
    """Makes messages for the notifiers of a policy set. `local` is what `local` means in policies."""

    def __init__(self, store: Store, notifiers: Mapping[str, Notifier], host: str, local: tzinfo) -> None:
        self._store = store
        self._notifiers = notifiers
        self._host = host
        self._local = local
        self.receivers = {one.name: one for notifier in notifiers.values() for one in receivers_of(notifier)}
        self._reminders = Reminders(store)

    def look(self, now: float) -> float | None:
        """Make what messages are due at `now` (seconds since the epoch); return when the next could be, None: never."""
        self._forget_strangers(now)
        wakes: list[float] = []
        by_notifier: dict[str, list[Notice]] = {name: [] for name in self._notifiers}
        for notice in self._store.outbox.notices():
            by_notifier[notice.notifier].append(notice)
        alerts = self._store.outbox.alerts()
        for name, notifier in self._notifiers.items():
            silent = self._silent_until(notifier, now)
            mine = {alert.notice.key: alert for alert in alerts if alert.notice.notifier == name}
            told = due(notifier, by_notifier[name], now, silent)
            if told.now or told.unwanted:
                self._tell(notifier, told.now, told.unwanted, mine, now)
            if told.wake is not None:
                wakes.append(told.wake)
            told_of = {notice.key for notice in told.now}
            goes_on = [alert for key, alert in mine.items() if key not in told_of]
            reminded = self._reminders.look(notifier, goes_on, now, silent)
            if reminded.changed:
                items = [self._item(notice, False) for notice in reminded.notices]
                self._put(notifier, items, now, (), reminded.alerts, reminded.over, refresh=reminded.refresh)
        wakes += [alert.next for alert in self._store.outbox.alerts()]
        return min(wakes, default=None)

    def _silent_until(self, notifier: Notifier, now: float) -> float | None:
        quiet = notifier.quiet
        return None if quiet is None else silent_until(quiet, zone(quiet.timezone, self._local), now)

    def _tell(
        self,
        notifier: Notifier,
        notices: Sequence[Notice],
        unwanted: Sequence[Notice],
        mine: Mapping[str, Alert],
        now: float,
    ) -> None:
        entries = newest_of_each(notices, lambda notice: notice.key in mine)
        opened = [
            Alert(notice=notice, reminders=0, next=now + pause_before_next(notifier, 0))
            for notice, _ in entries
            if stays_open(notifier, notice.event)
        ]
        over = [notice for notice, _ in entries if notice.event in GOOD]
        if notifier.kind in AT_ONCE:
            known = set(mine) | {notice.key for notice in notices if notice.event is Event.FIRED}
            items = [self._item(n, False) for n in notices if n.event is not Event.CLEARED or n.key in known]
        else:
            items = [self._item(notice, unheard) for notice, unheard in entries]
        self._put(notifier, items, now, [*notices, *unwanted], opened, over)

    def _put(
        self,
        notifier: Notifier,
        items: Sequence[Item],
        now: float,
        taken: Iterable[Notice],
        alerts: Iterable[Alert],
        over: Iterable[Notice],
        *,
        refresh: bool = False,
    ) -> None:
        receivers = [one for one in self.receivers.values() if one.notifier == notifier.name]
        if refresh:
            waiting = set(self._store.outbox.waiting_receivers())
            receivers = [one for one in receivers if one.name not in waiting]
        groups = _split(notifier.kind, items)
        messages = [
            self._message(notifier, receiver, group, number, now, refresh=refresh)
            for receiver in receivers
            for number, group in enumerate(groups)
        ]
        self._store.outbox.compose(messages, taken=taken, alerts=alerts, over=over)

    def _message(
        self, notifier: Notifier, receiver: Receiver, items: Sequence[Item], number: int, now: float, *, refresh: bool
    ) -> Message:
        shown = ordered(items)
        subject, body = words(notifier.template, self._host, shown, self._local)
        named = "\0".join([f"{item.notice.seq}\1{item.notice.key}\1{item.notice.at!r}" for item in items])
        key = f"{self._host}\0{receiver.name}\0{now!r}\0{number}\0{named}"
        return Message(
            id=f"hostkeeper-{sha256(key.encode('utf-8', 'surrogatepass')).hexdigest()[:24]}",
            receiver=receiver.name,
            made=now,
            severity=worst(shown),
            event=leading(shown),
            subject=subject,
            body=body,
            items=tuple(items),
            host=self._host,
            refresh=refresh,
        )

    def _item(self, notice: Notice, unheard: bool) -> Item:
        done: tuple[str, ...] = ()
        if notice.signal:
            found = self._store.outbox.runs_for(notice.subject, notice.since, notice.at, DONE_MOST)
            done = tuple(
                f"{task} (run {run}) {state}{f' in {duration(took)}' if took is not None else ''}"
                for run, task, state, took in found
            )
        # What programs read of it as data is told as well.
        notice = structs.replace(notice, description=mask(notice.description), detail=mask(notice.detail))
        return Item(notice=notice, lasted=max(0.0, notice.at - notice.since), done=done, unheard=unheard)

    def _forget_strangers(self, now: float) -> None:
        """Let go of what is for notifiers that no policy has any more."""
        outbox = self._store.outbox
        notices = [notice for notice in outbox.notices() if notice.notifier not in self._notifiers]
        over = [alert.notice for alert in outbox.alerts() if alert.notice.notifier not in self._notifiers]
        if notices:
            LOG.warning("notices told to nobody, since no policy has their notifiers any more: %d", len(notices))
        if notices or over:
            outbox.compose((), taken=notices, over=over)
        if not outbox.tallies.receivers().keys() <= self.receivers.keys():
            outbox.abandon(self.receivers, now)


def _split(kind: str, items: Sequence[Item]) -> list[list[Item]]:
    """Return the groups that go into a message each: of programs that listen, each thing is told one time a message."""
    if kind == "deadman":
        return [[item] for item in items]
    if kind != "alertmanager":
        return [list(items)] if items else []
    groups: list[dict[str, Item]] = []
    for item in items:
        if not groups or item.notice.key in groups[-1] or len(groups[-1]) >= 200:
            groups.append({})
        groups[-1][item.notice.key] = item
    return [list(group.values()) for group in groups]
