"""The series of incidents: which of a threshold's series have fired while one was not closed, and how each stands."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence

import msgspec

from agent.errors import StoreError
from agent.model.incidents import Member
from agent.model.signals import Labels
from agent.store.connection import Connection
from agent.store.seal import Value, seal, verified

LOG = logging.getLogger(__name__)
MOST_CLEARED = 500
"""So many series of one incident that have cleared are kept, those that cleared last: names that come and go, such as
those of containers, must not fill the disk. Each that fires is kept: the store has a state of each anyway."""

_COLUMNS = "incident, series, word, fired, cleared, body"


class IncidentSeries:
    """The series of the incidents of a store; each method takes the id of an incident."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection
        self._lost: set[tuple[Value, ...]] = set()

    def put(self, number: int, member: Member) -> bool:
        """Write how a series stands; return whether it is one more. Those that cleared longest ago make room."""
        series = series_text(member.series)
        where, key = "WHERE incident = ? AND series = ?", (number, series)
        new = not self._db.rows(f"SELECT 1 FROM incident_series {where}", key)
        columns = (member.word, member.fired, member.cleared)
        values = (number, series, *columns, msgspec.json.encode(member).decode())
        marks = ", ".join("?" * (len(values) + 1))
        row = (*values, seal("incident_series", values))
        self._db.rows(f"INSERT OR REPLACE INTO incident_series VALUES ({marks})", row)
        if member.cleared is not None:
            self._make_room(number)
        return new

    def of(self, number: int, series: Labels) -> Member | None:
        """Return how a series stands; None where it is none of the incident's, or what was written is damaged."""
        found = self._members("AND series = ?", (number, series_text(series)))
        return found[0] if found else None

    def fires(self, number: int) -> int:
        """Return how many fire."""
        return self._count("AND cleared IS NULL", (number,))

    def firing(self, number: int, most: int) -> list[Member]:
        """Return so many of those that fire at most, the one that has fired longest first."""
        return self._members("AND cleared IS NULL ORDER BY fired, series LIMIT ?", (number, most))

    def cleared(self, number: int, most: int) -> list[Member]:
        """Return so many of those that have cleared at most, the one that cleared last first."""
        return self._members("AND cleared IS NOT NULL ORDER BY cleared DESC, series LIMIT ?", (number, most))

    def fired_at(self, number: int, word: str, at: float, most: int) -> tuple[list[Member], int]:
        """Return so many at most of those that came to fire at one instant in one way, and how many there are."""
        return self._at("AND fired = ? AND word = ?", (number, at, word), most)

    def cleared_at(self, number: int, at: float, most: int) -> tuple[list[Member], int]:
        """Return so many at most of those that cleared at one instant, and how many there are."""
        return self._at("AND cleared = ?", (number, at), most)

    def _at(self, where: str, values: Sequence[Value], most: int) -> tuple[list[Member], int]:
        return self._members(f"{where} ORDER BY series LIMIT ?", (*values, most)), self._count(where, values)

    def _count(self, where: str, values: Sequence[Value]) -> int:
        rows = self._db.rows(f"SELECT count(*) FROM incident_series WHERE incident = ? {where}", values)
        return int(rows[0][0] or 0)

    def _members(self, where: str, values: Sequence[Value]) -> list[Member]:
        """A damaged row costs that series alone, and is written anew when that fires or clears."""
        found = []
        for row in self._db.rows(f"SELECT {_COLUMNS}, seal FROM incident_series WHERE incident = ? {where}", values):
            try:
                found.append(msgspec.json.decode(str(verified("incident_series", row)[-1]), type=Member))
            except StoreError as error:
                if row[:2] not in self._lost:
                    LOG.error("a series of an incident is lost: %s", error)
                self._lost.add(row[:2])
        return found

    def _make_room(self, number: int) -> None:
        """Forget what cleared longest ago, once there is too much of it."""
        over = self._count("AND cleared IS NOT NULL", (number,)) - MOST_CLEARED
        if over > 0:
            oldest = "SELECT series FROM incident_series WHERE incident = ? AND cleared IS NOT NULL ORDER BY cleared"
            where = f"incident = ? AND series IN ({oldest} LIMIT ?)"
            self._db.rows(f"DELETE FROM incident_series WHERE {where}", (number, number, over))


def series_text(series: Labels) -> str:
    """Given the labels of a series, return the text under which it is stored."""
    return json.dumps(series)
