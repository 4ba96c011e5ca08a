"""What people are to be told: notices that runs and thresholds leave, and the messages that the sender makes of them.

A notice is written in the transaction of what it tells of, a message takes the place of its notices in one
transaction, and a message is settled once its receiver has answered. So nothing is lost however often and whenever a
process is killed; a message whose answer was not written down any more is sent again under the same id.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Sequence

import msgspec

from agent.failpoints import reach
from agent.model.notices import Alert, Event, Kept, Message, Notice, Standing, State
from agent.store.connection import Connection
from agent.store.outbox_rows import KEYS, MESSAGES, NOTICES, OF_ITS_OWN, kept_of, sealed, text_of, whole
from agent.store.seal import Value
from agent.store.tallies import Tallies

LOG = logging.getLogger(__name__)
MOST_NOTICES = 10_000
"""So many notices wait at most; the oldest go first."""

MOST_WAITING = 1000
"""So many messages wait for a receiver at most, and so many are parked; the oldest go first."""

KEPT_ENDED = 200
"""So many messages that were delivered or dropped are kept to be looked at."""

_RECEIVERS = "SELECT name, body, seal FROM receivers"


class Outbox:
    """The outbox of a store."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection
        self.tallies = Tallies(connection)

    def put(self, notices: Sequence[Notice]) -> None:
        """Leave notices for the sender, in the caller's transaction if there is one."""
        if not notices:
            return
        reach("notice.put:before")
        with self._db.transaction():
            for notice in notices:
                values: tuple[Value, ...] = (notice.notifier, notice.at, text_of(notice))
                self._db.rows(f"INSERT INTO notices ({NOTICES}, seal) VALUES (?, ?, ?, ?)", sealed("notices", values))
            self._db.rows("DELETE FROM notices WHERE seq <= (SELECT max(seq) FROM notices) - ?", (MOST_NOTICES,))
        reach("notice.put:after")

    def last_notice(self) -> int:
        """Return the place of the newest notice there ever was, 0 when there was none."""
        rows = self._db.rows("SELECT seq FROM sqlite_sequence WHERE name = 'notices'")
        return int(rows[0][0] or 0) if rows else 0

    def anything(self) -> bool:
        """Tell whether the sender could have something to do, now or later."""
        ((found,),) = self._db.rows(
            "SELECT EXISTS (SELECT 1 FROM notices) OR EXISTS (SELECT 1 FROM alerts) "
            f"OR EXISTS (SELECT 1 FROM messages WHERE state IN ('{State.WAITING}', '{State.PARKED}'))"
        )
        return bool(found)

    def discard_damaged(self) -> None:
        """Forget rows that are not what was written: each is logged once, and keeps nothing else from being told."""
        with self._db.transaction():
            for table, (key, columns) in KEYS.items():
                for row in self._db.rows(f"SELECT {key}, {columns}, seal FROM {table}"):
                    if not list(whole(table, [row[1:]])):
                        self._db.rows(f"DELETE FROM {table} WHERE {key} = ?", (row[0],))

    def notices(self, key: str | None = None) -> list[Notice]:
        """Return the notices that are in no message yet, oldest first; of one key alone if that is given."""
        found = []
        where = ("", ()) if key is None else ("WHERE instr(body, ?)", (f'"key":{text_of(key)},',))
        for seq, *row in self._db.rows(f"SELECT seq, {NOTICES}, seal FROM notices {where[0]} ORDER BY seq", where[1]):
            for _, _, body, *_ in whole("notices", [row]):
                notice = msgspec.json.decode(str(body), type=Notice)
                found.append(msgspec.structs.replace(notice, seq=int(seq or 0)))
        return found

    def alerts(self, key: str | None = None) -> list[Alert]:
        """Return what fires and was told, by notifier and key; of one key alone if that is given."""
        where = ("", ()) if key is None else ("WHERE key = ?", (key,))
        rows = self._db.rows(f"SELECT notifier, key, next, body, seal FROM alerts {where[0]} ORDER BY 1, 2", where[1])
        return [msgspec.json.decode(str(row[3]), type=Alert) for row in whole("alerts", rows)]

    def told_under(self, key: str) -> list[str]:
        """Return the notifiers that were told of what fires under a key."""
        return [str(name) for (name,) in self._db.rows("SELECT notifier FROM alerts WHERE key = ?", (key,))]

    def told_of(self, key: str) -> list[Notice]:
        """Return a notice of what fires under a key for each notifier that was, or will be, told of it."""
        told = {alert.notice.notifier: alert.notice for alert in self.alerts(key)}
        told.update((notice.notifier, notice) for notice in self.notices(key) if notice.key == key)
        return [notice for notice in told.values() if notice.event is not Event.CLEARED]

    def compose(
        self,
        messages: Iterable[Message],
        *,
        taken: Iterable[Notice] = (),
        alerts: Iterable[Alert] = (),
        over: Iterable[Notice] = (),
    ) -> None:
        """Put messages in the place of the notices that were taken, and note what fires and what is over."""
        reach("notice.compose:before")
        with self._db.transaction():
            for message in messages:
                self._insert(message)
            for notice in taken:
                self._db.rows("DELETE FROM notices WHERE seq = ?", (notice.seq,))
            for alert in alerts:
                values = (alert.notice.notifier, alert.notice.key, alert.next, text_of(alert))
                self._db.rows("INSERT OR REPLACE INTO alerts VALUES (?, ?, ?, ?, ?)", sealed("alerts", values))
            for notice in over:
                self._db.rows("DELETE FROM alerts WHERE notifier = ? AND key = ?", (notice.notifier, notice.key))
        reach("notice.compose:after")

    def _insert(self, message: Message) -> None:
        ((last,),) = self._db.rows("SELECT coalesce(max(seq), 0) FROM messages")
        kept = Kept(seq=int(last or 0) + 1, message=message, state=State.WAITING, tries=0, answer="", ended=None)
        self._write(kept)
        self._bound(message.receiver, State.WAITING, message.made, "too many messages waited")

    def _bound(self, receiver: str, state: State, now: float, why: str) -> None:
        where = f"SELECT seq FROM messages WHERE receiver = ? AND state = '{state}' ORDER BY seq DESC"
        for (seq,) in self._db.rows(f"{where} LIMIT -1 OFFSET ?", (receiver, MOST_WAITING)):
            one = self._message(f"seq = {int(seq or 0)}")
            if one is not None:
                self._end(one, State.DROPPED, why, now)

    def waiting(self, receiver: str) -> Kept | None:
        """Return the message that a receiver is to get next, None when there is none."""
        return self._message(f"receiver = ? AND state = '{State.WAITING}' ORDER BY seq LIMIT 20", receiver)

    def messages(self, *, ended: bool = False) -> list[Kept]:
        """Return the messages that wait or are parked, with `ended` also those that were, oldest first."""
        where = "1" if ended else f"state IN ('{State.WAITING}', '{State.PARKED}')"
        rows = self._db.rows(f"SELECT {MESSAGES}, seal FROM messages WHERE {where} ORDER BY seq")
        return [kept_of(row) for row in whole("messages", rows)]

    def waiting_receivers(self) -> list[str]:
        """Return the receivers for which messages wait."""
        rows = self._db.rows(f"SELECT DISTINCT receiver FROM messages WHERE state = '{State.WAITING}'")
        return [str(receiver) for (receiver,) in rows]

    def settle(self, kept: Kept, state: State, answer: str, now: float) -> None:
        """Write that a message was delivered, parked or dropped at `now`; the next one may go.

        One that has been settled since by somebody else stays as it is.
        """
        reach("message.settle:before")
        with self._db.transaction():
            if self._still_waits(kept):
                self._end(kept, state, answer, now)
        reach("message.settle:after")

    def _end(self, kept: Kept, state: State, answer: str, now: float) -> None:
        name = kept.message.receiver
        standing = self.standing(name)
        if state is State.DELIVERED:
            standing = msgspec.structs.replace(
                standing,
                delivered=standing.delivered + (not kept.message.refresh),
                untold=0,
                streak=0,
                not_before=0.0,
                last_success=now,
            )
        elif state is State.DROPPED:
            LOG.warning("a message to %s was dropped: %s", name, answer)
            lost = not kept.message.refresh
            standing = msgspec.structs.replace(standing, dropped=standing.dropped + lost, untold=standing.untold + lost)
        else:
            LOG.error("a message to %s was put aside: %s", name, answer)
            standing = msgspec.structs.replace(
                standing, failed=standing.failed + 1, streak=0, not_before=0.0, last_error=answer
            )
        tries = kept.tries + (state is not State.DROPPED)
        if kept.message.refresh:
            self._db.rows("DELETE FROM messages WHERE seq = ?", (kept.seq,))
        else:
            self._write(msgspec.structs.replace(kept, state=state, tries=tries, answer=answer, ended=now))
        self._stand(standing)
        if state is State.PARKED:
            self._bound(name, State.PARKED, now, "too many messages were refused")
        self._prune()

    def abandon(self, known: Collection[str], now: float) -> None:
        """Drop what waits or is parked for receivers that are not known."""
        with self._db.transaction():
            for kept in self.messages():
                if kept.message.receiver not in known:
                    self._end(kept, State.DROPPED, "no policy has its notifier any more", now)

    def retry(self, kept: Kept, answer: str, not_before: float) -> None:
        """Write that a message could not be delivered, and that its receiver is left alone until then."""
        reach("message.retry:before")
        with self._db.transaction():
            if self._still_waits(kept):
                standing = self.standing(kept.message.receiver)
                self._stand(
                    msgspec.structs.replace(
                        standing,
                        failed=standing.failed + 1,
                        streak=standing.streak + 1,
                        not_before=not_before,
                        last_error=answer,
                    )
                )
                self._write(msgspec.structs.replace(kept, tries=kept.tries + 1, answer=answer))
        reach("message.retry:after")

    def release(self, receivers: Iterable[str]) -> int:
        """Put parked messages of receivers back in line, to be tried at once; return how many there were."""
        count = 0
        with self._db.transaction():
            for name in receivers:
                self._stand(msgspec.structs.replace(self.standing(name), streak=0, not_before=0.0))
                for kept in self.messages():
                    if kept.message.receiver == name and kept.state is State.PARKED:
                        self._write(msgspec.structs.replace(kept, state=State.WAITING, ended=None))
                        count += 1
            # The agent looks at it anew when there is a notice that it has not seen.
            self._db.rows("UPDATE sqlite_sequence SET seq = seq + 1 WHERE name = 'notices'")
        return count

    def runs_for(self, cause: str, since: float, until: float, most: int) -> list[tuple[int, str, str, float | None]]:
        """Return the runs that a threshold made between two instants, oldest first: id, task, state, seconds.

        Those that another one stood in for are left out.
        """
        rows = self._db.rows(
            "SELECT id, task, state, ended - started FROM runs WHERE cause = ? AND created BETWEEN ? AND ? "
            f"AND {OF_ITS_OWN} ORDER BY id LIMIT ?",
            (cause, since, until, most),
        )
        return [(int(r[0] or 0), str(r[1]), str(r[2]), None if r[3] is None else float(r[3])) for r in rows]

    def standing(self, receiver: str) -> Standing:
        """Return how it goes with a receiver."""
        rows = list(whole("receivers", self._db.rows(f"{_RECEIVERS} WHERE name = ?", (receiver,))))
        return msgspec.json.decode(str(rows[0][1]), type=Standing) if rows else Standing(receiver=receiver)

    def standings(self) -> list[Standing]:
        """Return how it goes with every receiver there ever was, by name."""
        rows = whole("receivers", self._db.rows(f"{_RECEIVERS} ORDER BY name"))
        return [msgspec.json.decode(str(row[1]), type=Standing) for row in rows]

    def pinged(self, receiver: str, error: str, now: float) -> None:
        """Write what became of a ping that no message stands for: `error` is "" if it was taken."""
        with self._db.transaction():
            standing = self.standing(receiver)
            if error:
                standing = msgspec.structs.replace(standing, failed=standing.failed + 1, last_error=error)
            else:
                standing = msgspec.structs.replace(standing, delivered=standing.delivered + 1, last_success=now)
            self._stand(standing)

    def _stand(self, standing: Standing) -> None:
        values = (standing.receiver, text_of(standing))
        self._db.rows("INSERT OR REPLACE INTO receivers VALUES (?, ?, ?)", sealed("receivers", values))

    def _still_waits(self, kept: Kept) -> bool:
        where = f"seq = ? AND id = ? AND state = '{State.WAITING}'"
        return bool(self._db.rows(f"SELECT 1 FROM messages WHERE {where}", (kept.seq, kept.message.id)))

    def _prune(self) -> None:
        ended = f"state IN ('{State.DELIVERED}', '{State.DROPPED}')"
        self._db.rows(
            f"DELETE FROM messages WHERE {ended} AND seq < (SELECT max(seq) FROM messages) AND seq NOT IN "
            f"(SELECT seq FROM messages WHERE {ended} ORDER BY seq DESC LIMIT ?)",
            (KEPT_ENDED,),
        )

    def _message(self, where: str, *values: Value) -> Kept | None:
        rows = self._db.rows(f"SELECT {MESSAGES}, seal FROM messages WHERE {where}", values)
        return next(map(kept_of, whole("messages", rows)), None)

    def _write(self, kept: Kept) -> None:
        message = kept.message
        values = (
            kept.seq,
            message.id,
            message.receiver,
            message.made,
            kept.state.value,
            kept.tries,
            kept.answer,
            kept.ended,
            text_of(message),
        )
        marks = ", ".join("?" * 10)
        self._db.rows(f"INSERT OR REPLACE INTO messages VALUES ({marks})", sealed("messages", values))
