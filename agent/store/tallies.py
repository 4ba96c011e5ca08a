"""How much there is to tell, counted without looking into any of it: the agent asks for this all the time."""

from __future__ import annotations

import msgspec

from agent.model.notices import State, Tally
from agent.store.connection import Connection


class Tallies:
    """What of the outbox of a store can be counted."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def receivers(self) -> dict[str, Tally]:
        """Return by receiver how many messages wait or are parked, without looking into any."""
        found: dict[str, Tally] = {}
        rows = self._db.rows(
            "SELECT receiver, state, count(*), min(made), min(CASE WHEN tries > 0 THEN made END), sum(tries > 0) "
            f"FROM messages WHERE state IN ('{State.WAITING}', '{State.PARKED}') GROUP BY receiver, state"
        )
        for receiver, state, count, oldest, late, tried in rows:
            before = found.get(name := str(receiver), Tally())
            if state == State.PARKED:
                found[name] = msgspec.structs.replace(before, parked=int(count or 0))
            else:
                changes = {"oldest": oldest, "late": late, "tried": int(tried or 0)}
                found[name] = msgspec.structs.replace(before, waiting=int(count or 0), **changes)
        return found

    def unmade(self) -> dict[str, tuple[int, float]]:
        """Return by notifier how many notices are in no message yet, and when the oldest was left."""
        rows = self._db.rows("SELECT notifier, count(*), min(at) FROM notices GROUP BY notifier")
        return {str(name): (int(count or 0), float(oldest or 0.0)) for name, count, oldest in rows}

    def refusal(self, receiver: str) -> str:
        """Return what a receiver said to the newest message that is parked, "" if there is none."""
        where = f"WHERE receiver = ? AND state = '{State.PARKED}' ORDER BY seq DESC LIMIT 1"
        rows = self._db.rows(f"SELECT answer FROM messages {where}", (receiver,))
        return str(rows[0][0]) if rows else ""
