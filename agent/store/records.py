"""The small tables: what is remembered by name."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping

from msgspec import Struct

from agent.digests import sha256
from agent.errors import StoreError
from agent.failpoints import reach
from agent.rules.remedies import Remedy, dump_remedy, load_remedy
from agent.store.chain import Chain
from agent.store.connection import Connection
from agent.store.seal import seal, verified

LOG = logging.getLogger(__name__)


class Hold(Struct, frozen=True):
    """A remedy that is held until an admin releases it; `released` is None while it is held."""

    name: str
    reason: str
    detail: str
    since: float
    released: float | None


class CachedFragment(Struct, frozen=True):
    """A policy file in force: its name in the directory, its path, what `stat` said of it, and its fragment's JSON."""

    name: str
    path: str
    signature: str
    digest: str
    body: str


class Documents:
    """What runs execute, by digest: written once, never changed."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def put(self, body: str) -> str:
        """Given a document's text, store it once and return its digest."""
        digest = sha256(body.encode()).hexdigest()
        self._db.rows("INSERT OR IGNORE INTO documents VALUES (?, ?)", (digest, body))
        return digest

    def get(self, digest: str) -> str:
        """Given a digest, return the document; a changed one is refused by its digest."""
        rows = self._db.rows("SELECT digest, body FROM documents WHERE digest = ?", (digest,))
        body = str(rows[0][1]) if rows else ""
        if sha256(body.encode()).hexdigest() != digest:
            verified("documents", (digest, ""))
        return body


class Marks:
    """Up to which instant the calendar of each task has been dealt with."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def all(self) -> dict[str, tuple[str, float]]:
        """Return by task its schedule as it was then, and seconds since the epoch."""
        rows = (verified("marks", row) for row in self._db.rows("SELECT task, schedule, handled, seal FROM marks"))
        return {str(task): (str(schedule), float(handled or 0)) for task, schedule, handled in rows}

    def set(self, task: str, schedule: str, handled: float) -> None:
        """Remember that every due time of a task's schedule up to an instant has been dealt with."""
        values = (task, schedule, handled)
        self._db.rows("INSERT OR REPLACE INTO marks VALUES (?, ?, ?, ?)", (*values, seal("marks", values)))

    def forget(self, task: str) -> None:
        """Forget a task that no policy has any more."""
        self._db.rows("DELETE FROM marks WHERE task = ?", (task,))


class Holds:
    """Remedies stopped by their circuit breaker."""

    def __init__(self, connection: Connection, chain: Chain) -> None:
        self._db = connection
        self._chain = chain

    def all(self) -> list[Hold]:
        """Return every hold, released ones included, by name."""
        rows = self._db.rows("SELECT name, reason, detail, since, released, seal FROM holds ORDER BY name")
        return [Hold(*verified("holds", row)) for row in rows]  # type: ignore[arg-type]  # columns are the fields

    def of(self, name: str) -> Hold | None:
        """Return what is or was held under a name, None where nothing ever was."""
        rows = self._db.rows("SELECT name, reason, detail, since, released, seal FROM holds WHERE name = ?", (name,))
        return Hold(*verified("holds", rows[0])) if rows else None  # type: ignore[arg-type]  # columns are the fields

    def is_held(self, name: str) -> bool:
        """Tell whether there is a hold in force under a name."""
        hold = self.of(name)
        return hold is not None and hold.released is None

    def held(self) -> dict[str, Hold]:
        """Return the holds in force, by name."""
        return {hold.name: hold for hold in self.all() if hold.released is None}

    def place(self, name: str, reason: str, detail: str, since: float) -> None:
        """Hold a remedy."""
        reach("hold.place:before")
        self._write(Hold(name, reason, detail, since, None))
        reach("hold.place:after")

    def release(self, name: str, released: float) -> bool:
        """Release a hold; return False when there is none of that name in force."""
        hold = self.of(name)
        if hold is None or hold.released is not None:
            return False
        reach("hold.release:before")
        self._write(Hold(name, hold.reason, hold.detail, hold.since, released))
        reach("hold.release:after")
        return True

    def _write(self, hold: Hold) -> None:
        values = (hold.name, hold.reason, hold.detail, hold.since, hold.released)
        with self._db.transaction():
            self._db.rows("INSERT OR REPLACE INTO holds VALUES (?, ?, ?, ?, ?, ?)", (*values, seal("holds", values)))
            self._chain.held(hold.name, hold.since if hold.released is None else hold.released)


class Conditions:
    """What conditions remember, as JSON by key."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def all(self) -> dict[str, str]:
        """Return every state by key."""
        rows = (verified("conditions", row) for row in self._db.rows("SELECT key, state, seal FROM conditions"))
        return {str(key): str(state) for key, state in rows}

    def get(self, key: str) -> str | None:
        """Return the state of a key, None where there is none."""
        rows = self._db.rows("SELECT key, state, seal FROM conditions WHERE key = ?", (key,))
        return str(verified("conditions", rows[0])[1]) if rows else None

    def set(self, states: Mapping[str, str]) -> None:
        """Write several states together."""
        reach("condition.save:before")
        with self._db.transaction():
            for values in states.items():
                self._db.rows(
                    "INSERT OR REPLACE INTO conditions VALUES (?, ?, ?)", (*values, seal("conditions", values))
                )
        reach("condition.save:after")

    def forget(self, key: str) -> None:
        """Forget the state of a condition that no policy has any more."""
        self._db.rows("DELETE FROM conditions WHERE key = ?", (key,))


class Remedies:
    """What is remembered of the remedies of thresholds, by the name under which they are held."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def get(self, name: str) -> Remedy:
        """Given its name, return what is remembered of a remedy: nothing of one that never acted, or is damaged."""
        rows = self._db.rows("SELECT name, state, seal FROM remedies WHERE name = ?", (name,))
        if not rows:
            return Remedy()
        try:
            return load_remedy(str(verified("remedies", rows[0])[1]))
        except (StoreError, ValueError) as error:
            LOG.warning("remedy %s begins anew, since what is remembered of it cannot be read: %s", name, error)
            return Remedy()

    def forget(self, name: str) -> None:
        """Forget a remedy of which nothing counts any more."""
        self._db.rows("DELETE FROM remedies WHERE name = ?", (name,))

    def set(self, name: str, remedy: Remedy) -> None:
        """Remember a remedy."""
        values = (name, dump_remedy(remedy))
        reach("remedy.save:before")
        self._db.rows("INSERT OR REPLACE INTO remedies VALUES (?, ?, ?)", (*values, seal("remedies", values)))
        reach("remedy.save:after")


class TaskMemory:
    """What one task remembers from run to run; fits `agent.ports.Memory`."""

    def __init__(self, connection: Connection, task: str) -> None:
        self._db = connection
        self._task = task

    def recall(self, key: str) -> object | None:
        """Return what was remembered under a key, or None."""
        rows = self._db.rows(
            "SELECT task, key, value, seal FROM memories WHERE task = ? AND key = ?", (self._task, key)
        )
        return json.loads(str(verified("memories", rows[0])[2])) if rows else None

    def remember(self, key: str, value: object) -> None:
        """Remember a JSON-able value under a key."""
        values = (self._task, key, json.dumps(value))
        reach("memory.remember:before")
        self._db.rows("INSERT OR REPLACE INTO memories VALUES (?, ?, ?, ?)", (*values, seal("memories", values)))
        reach("memory.remember:after")


class Fragments:
    """The files of the policy set in force as they were compiled, so that an unchanged one is never compiled twice."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def all(self) -> dict[str, CachedFragment]:
        """Return the files by name."""
        rows = (
            verified("fragments", row)
            for row in self._db.rows("SELECT name, path, signature, digest, body, seal FROM fragments ORDER BY name")
        )
        return {str(r[0]): CachedFragment(*map(str, r)) for r in rows}

    def update(self, put: list[CachedFragment], forget: list[str]) -> None:
        """Write some cached files and forget others, together."""
        if not put and not forget:
            return
        reach("fragments.update:before")
        with self._db.transaction():
            for name in forget:
                self._db.rows("DELETE FROM fragments WHERE name = ?", (name,))
            for item in put:
                values = (item.name, item.path, item.signature, item.digest, item.body)
                self._db.rows(
                    "INSERT OR REPLACE INTO fragments VALUES (?, ?, ?, ?, ?, ?)", (*values, seal("fragments", values))
                )
        reach("fragments.update:after")


class Facts:
    """Facts about the agent itself, as JSON by key: who runs, which policies are in force."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def get(self, key: str) -> object | None:
        """Return the fact of a key, or None."""
        rows = self._db.rows("SELECT value FROM facts_of_store WHERE key = ?", (key,))
        return json.loads(str(rows[0][0])) if rows else None

    def set(self, key: str, value: object) -> None:
        """Set the fact of a key."""
        self._db.rows("INSERT OR REPLACE INTO facts_of_store VALUES (?, ?)", (key, json.dumps(value)))
