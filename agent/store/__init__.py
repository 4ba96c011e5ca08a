"""The store: the only meeting point of the daemon, the runs and the command line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from agent.store.chain import Chain
from agent.store.connection import Connection
from agent.store.findings import Findings
from agent.store.incidents import Incidents
from agent.store.ledger import Ledger
from agent.store.outbox import Outbox
from agent.store.policy_changes import PolicyChanges
from agent.store.records import Conditions, Documents, Facts, Fragments, Holds, Marks, Remedies, TaskMemory
from agent.store.run_notices import RunNotices
from agent.store.runs import Runs
from agent.store.samples import Samples
from agent.store.steps import Steps
from agent.store.tables import CHAINED, JOINED


class Store:
    """An open store. Each attribute is one table's door; `transaction()` joins what passes through several."""

    def __init__(self, directory: str, *, ballast_bytes: int = 0, read_only: bool = False) -> None:
        self.connection = Connection(directory, ballast_bytes=ballast_bytes, read_only=read_only, migrated=_migrated)
        self.chain = Chain(self.connection)
        self.outbox = Outbox(self.connection)
        self.runs = Runs(self.connection, self.chain, RunNotices(self.connection, self.outbox))
        self.steps = Steps(self.connection)
        self.documents = Documents(self.connection)
        self.marks = Marks(self.connection)
        self.holds = Holds(self.connection, self.chain)
        self.conditions = Conditions(self.connection)
        self.remedies = Remedies(self.connection)
        self.fragments = Fragments(self.connection)
        self.facts = Facts(self.connection)
        self.ledger = Ledger(self.connection)
        self.findings = Findings(self.connection)
        self.samples = Samples(self.connection)
        self.incidents = Incidents(self.connection)
        self.policy_changes = PolicyChanges(self.connection)

    @property
    def directory(self) -> str:
        """The state directory."""
        return self.connection.directory

    def memory(self, task: str) -> TaskMemory:
        """Given a task's name, return what that task remembers."""
        return TaskMemory(self.connection, task)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything inside is written together and durably, or not at all."""
        with self.connection.transaction():
            yield

    def close(self) -> None:
        """Close the store."""
        self.connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def _migrated(connection: Connection, version: int) -> None:
    if version < CHAINED:
        Chain(connection).begin()
    if version < JOINED:
        Incidents(connection).give_series()
