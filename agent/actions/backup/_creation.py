"""What the steps of `backup.create` share: the options as meant, the drivers, and what is looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import Any

from msgspec import Struct

from agent.actions.backup._clock import ClockGuard
from agent.actions.backup._problems import Problems
from agent.actions.backup._repository import Drivers, repository_of
from agent.actions.backup._series import Series
from agent.actions.backup._sources import Sources
from agent.drivers.repository import Repository
from agent.model.backups import Backup, Level
from agent.ports import Context
from agent.rules.buckets import Keep
from agent.rules.levels import Choice, Wish, choose

_SOURCES = "sources"


class Creation(Struct, frozen=True, kw_only=True):
    """One run of the action. `keep` None removes nothing; `zone` is what days and weeks are counted in."""

    ctx: Context
    definition: Mapping[str, Any]
    drivers: Drivers
    sources: Sources
    full_every: float
    between: Level
    deep: bool
    keep: Keep | None
    zone: tzinfo
    clock: ClockGuard
    problems: Problems
    allow_empty: bool
    heed_history: bool
    heed_vanished: bool

    @property
    def now(self) -> float:
        """The instant that backups are dated by: not before the run began."""
        return max(self.ctx.now, self.ctx.clock.now()).timestamp()

    def repository(self, scratch: str = "") -> Repository:
        """Return the driver of the repository; without a directory of scratch, only to look."""
        return repository_of(self.definition, self.ctx, scratch, self.drivers)

    def directory(self) -> str:
        """Return where the repository is, if it is a directory of this host that takes no scratch; otherwise ""."""
        place = self.definition["settings"].get("path")
        return place if isinstance(place, str) else ""

    def must_be_there(self) -> bool:
        """Return whether this host has made backups in the repository: it cannot be a new one then."""
        return self.heed_vanished and bool(self.ctx.ledger.known(self.definition["name"], self.ctx.task))

    def choice(self, repository: Repository, series: Series) -> Choice:
        """Return the level of the backup that is to be made now, and why."""
        wish = Wish(between=self.between, full_every=self.full_every, sources=self.sources.digest(self.definition))
        return choose(series.backups, wish, repository.levels, self.now, series.standing, self._sources_by_id())

    def _sources_by_id(self) -> dict[str, str]:
        remembered = self.ctx.memory.recall(f"{_SOURCES}:{self.definition['name']}")
        return {str(key): str(value) for key, value in remembered.items()} if isinstance(remembered, dict) else {}

    def remember_sources(self, backup: Backup, listed: Sequence[Backup]) -> None:
        """Remember what a backup is of, so that the next one knows whether it can build on it."""
        there = {one.id for one in listed}
        known = {key: value for key, value in self._sources_by_id().items() if key in there}
        known[backup.id] = self.sources.digest(self.definition)
        self.ctx.memory.remember(f"{_SOURCES}:{self.definition['name']}", known)
