"""Incidents in the store: what was wrong, a timeline, and the exhibits that were collected when it opened."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import msgspec

from agent.errors import NotFound, StoreError
from agent.failpoints import reach
from agent.model.incidents import MOVES, Entry, EntryKind, Exhibit, Incident, IncidentState, Member, Word
from agent.model.signals import Labels
from agent.store.connection import Connection
from agent.store.incident_series import IncidentSeries, series_text
from agent.store.seal import Value, seal, verified

LOG = logging.getLogger(__name__)
MOST_ENTRIES = 500
"""So many entries the agent itself writes into one timeline: a condition that flaps must not fill the disk."""

MOST_TEXT = 32 << 10
"""So many characters of one exhibit are kept."""

_INCIDENT = "id, threshold, series, opened, state, ended, body"
_ENTRY = "incident, seq, at, kind, who, text"
_EXHIBIT = "incident, name, title, at, text, error"


class Incidents:
    """The incidents of a store."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection
        self._lost: set[Value] = set()
        self.series = IncidentSeries(connection)

    def of(self, threshold: str, series: Labels | None = None) -> list[Incident]:
        """Return the incidents of a threshold that are not closed, newest first; given a series, those it is of."""
        where, values = "WHERE threshold = ? AND ended IS NULL", [threshold]
        if series is not None:
            where += " AND EXISTS (SELECT 1 FROM incident_series AS s WHERE s.incident = incidents.id AND s.series = ?)"
            values.append(series_text(series))
        return self._readable(f"{where} ORDER BY id DESC", values)

    def open(self, incident: Incident) -> int:
        """Given an incident, whose id is ignored, write it and return its id."""
        reach("incident.open:before")
        with self._db.transaction():
            self._db.rows("INSERT INTO incidents VALUES (NULL, '', '', 0, '', NULL, '', '')")
            number = self._db.last_id()
            self._write(msgspec.structs.replace(incident, id=number))
            self.series.put(number, _first(incident))
        reach("incident.open:after")
        return number

    def see(self, number: int, member: Member) -> Incident:
        """Keep how a series of an incident stands, which may be one more; return the incident as it stands then.

        It has cleared once all of its series have.
        """
        with self._db.transaction():
            incident = self.get(number)
            joined = incident.joined + self.series.put(number, member)
            cleared = member.cleared if not self.series.fires(number) else None
            if (joined, cleared) != (incident.joined, incident.cleared):
                incident = msgspec.structs.replace(incident, joined=joined, cleared=cleared)
                self._write(incident)
        return incident

    def give_series(self) -> None:
        """Write the one series of each incident that was opened when each was of one only, and is not closed."""
        for incident in self.listed():
            self.series.put(incident.id, _first(incident))

    def get(self, number: int) -> Incident:
        """Given an id, return the incident. Raises NotFound."""
        found = self._rows("WHERE id = ?", (number,))
        if not found:
            raise NotFound(f"there is no incident {number}; `hostkeeper incident list --all` names all")
        return _incident(found[0])

    def listed(self, *, closed: bool = False) -> list[Incident]:
        """Return the incidents that are not closed, or all there are, newest first; of damaged ones the log tells."""
        return self._readable("ORDER BY id DESC" if closed else "WHERE ended IS NULL ORDER BY id DESC")

    def opened(self) -> int:
        """Return how many incidents were ever opened."""
        rows = self._db.rows("SELECT seq FROM sqlite_sequence WHERE name = 'incidents'")
        return int(rows[0][0] or 0) if rows else 0

    def move(self, number: int, state: IncidentState, entry: Entry, cause: str = "") -> bool:
        """Acknowledge or close an incident and say so in its timeline; False where it does not stand so any more."""
        reach("incident.move:before")
        with self._db.transaction():
            incident = self.get(number)
            if state not in MOVES[incident.state]:
                return False
            ended = entry.at if state is IncidentState.CLOSED else None
            self._write(msgspec.structs.replace(incident, state=state, ended=ended, cause=cause))
            self._add(number, entry)
        reach("incident.move:after")
        return True

    def tell(self, number: int, entry: Entry, over: str = "") -> None:
        """Add an entry to a timeline; what the agent itself has to say is left out once there is too much of it.

        What it said of the same at the same instant, in a text that begins with `over`, is written over.
        """
        reach("incident.tell:before")
        with self._db.transaction():
            said = self._said(number, entry, over) if over else None
            if said is not None:
                self._put(number, said, entry)
            elif entry.who or self._count(number) < MOST_ENTRIES:
                self._add(number, entry)
        reach("incident.tell:after")

    def timeline(self, number: int) -> list[Entry]:
        """Return the entries of an incident, oldest first."""
        rows = self._db.rows(f"SELECT {_ENTRY}, seal FROM incident_entries WHERE incident = ? ORDER BY seq", (number,))
        found = [verified("incident_entries", row) for row in rows]
        return [
            Entry(at=float(at or 0), kind=EntryKind(str(kind)), who=str(who), text=str(text))
            for _, _, at, kind, who, text in found
        ]

    def without_exhibits(self) -> list[int]:
        """Return the incidents that are not closed and of which nothing was collected yet, oldest first."""
        none = "NOT EXISTS (SELECT 1 FROM incident_exhibits WHERE incident = incidents.id)"
        rows = self._db.rows(f"SELECT id FROM incidents WHERE ended IS NULL AND {none} ORDER BY id")
        return [int(row[0] or 0) for row in rows]

    def collected(self, number: int, exhibits: Sequence[Exhibit], entry: Entry) -> None:
        """Keep what was collected for an incident, and say so in its timeline; what came first stays.

        One that collects may outlive the agent that started it, and what it saw is closer to the moment.
        """
        reach("incident.collected:before")
        with self._db.transaction():
            if self._db.rows("SELECT 1 FROM incident_exhibits WHERE incident = ? LIMIT 1", (number,)):
                return
            for one in exhibits:
                values = (number, one.name, one.title, one.at, one.text[:MOST_TEXT], one.error)
                marks = ", ".join("?" * (len(values) + 1))
                row = (*values, seal("incident_exhibits", values))
                self._db.rows(f"INSERT INTO incident_exhibits VALUES ({marks})", row)
            self._add(number, entry)
        reach("incident.collected:after")

    def exhibits(self, number: int) -> list[Exhibit]:
        """Return what was collected for an incident, in the order it was collected."""
        where = "WHERE incident = ? ORDER BY at, name"
        rows = self._db.rows(f"SELECT {_EXHIBIT}, seal FROM incident_exhibits {where}", (number,))
        found = [verified("incident_exhibits", row) for row in rows]
        return [
            Exhibit(name=str(name), title=str(title), at=float(at or 0), text=str(text), error=str(error))
            for _, name, title, at, text, error in found
        ]

    def prune(self, before: float) -> int:
        """Forget the incidents that were closed before an instant (seconds since the epoch); return how many."""
        with self._db.transaction():
            rows = self._db.rows("SELECT id FROM incidents WHERE ended < ?", (before,))
            self._db.rows("DELETE FROM incidents WHERE ended < ?", (before,))
        return len(rows)

    def _rows(self, where: str, values: Sequence[Value]) -> list[tuple[Value, ...]]:
        return self._db.rows(f"SELECT {_INCIDENT}, seal FROM incidents {where}", values)

    def _readable(self, where: str, values: Sequence[Value] = ()) -> list[Incident]:
        """A damaged row costs that incident alone: the agent does its work without it."""
        found = []
        for row in self._rows(where, values):
            try:
                found.append(_incident(row))
            except StoreError as error:
                if row[0] not in self._lost:
                    LOG.error("an incident is lost: %s", error)
                self._lost.add(row[0])
        return found

    def _write(self, incident: Incident) -> None:
        series = series_text(incident.series)
        columns = (incident.threshold, series, incident.opened, incident.state.value, incident.ended)
        values = (incident.id, *columns, msgspec.json.encode(incident).decode())
        # Not replaced: what belongs to a row goes with it.
        row = "(threshold, series, opened, state, ended, body, seal) = (?, ?, ?, ?, ?, ?, ?)"
        sealed = (*values[1:], seal("incidents", values), incident.id)
        self._db.rows(f"UPDATE incidents SET {row} WHERE id = ?", sealed)

    def _count(self, number: int) -> int:
        return int(self._db.rows("SELECT count(*) FROM incident_entries WHERE incident = ?", (number,))[0][0] or 0)

    def _add(self, number: int, entry: Entry) -> None:
        last = self._db.rows("SELECT max(seq) FROM incident_entries WHERE incident = ?", (number,))[0][0]
        self._put(number, int(last or 0) + 1, entry)

    def _put(self, number: int, seq: int, entry: Entry) -> None:
        values = (number, seq, entry.at, entry.kind.value, entry.who, entry.text)
        row = (*values, seal("incident_entries", values))
        self._db.rows(f"INSERT OR REPLACE INTO incident_entries VALUES ({', '.join('?' * len(row))})", row)

    def _said(self, number: int, entry: Entry, beginning: str) -> int | None:
        where = "incident = ? AND at = ? AND kind = ? AND who = ? AND substr(text, 1, ?) = ?"
        values = (number, entry.at, entry.kind.value, entry.who, len(beginning), beginning)
        rows = self._db.rows(f"SELECT seq FROM incident_entries WHERE {where} ORDER BY seq DESC LIMIT 1", values)
        return int(rows[0][0] or 0) if rows else None


def _first(incident: Incident) -> Member:
    """Return the series that fired first, as it stood when it was all that the incident was of."""
    lasted = None if incident.cleared is None else incident.cleared - incident.opened
    return Member(
        series=incident.series,
        word=Word.FIRST,
        fired=incident.opened,
        value=incident.value,
        cleared=incident.cleared,
        lasted=lasted,
    )


def _incident(row: Sequence[Value]) -> Incident:
    return msgspec.json.decode(str(verified("incidents", row)[-1]), type=Incident)
