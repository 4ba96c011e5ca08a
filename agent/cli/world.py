"""What commands work on: the policies, the settings, the store and the host's clock, as the arguments name them."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from datetime import datetime, tzinfo
from functools import cached_property
from typing import TYPE_CHECKING

from msgspec import Struct, field

from agent.cli.parser import DEFAULT_CONFIG
from agent.errors import NotFound, StoreError
from agent.host.clock import SystemClock, local_zone
from agent.host.identity import host_id
from agent.model.policies import PolicySet, Task
from agent.model.settings import Settings
from agent.model.web import WebConfig
from agent.policy.load import load
from agent.policy.load_settings import load_settings
from agent.policy.nearest import suggest
from agent.policy.settings import web_config_path
from agent.probes.catalogue import SIGNALS
from agent.registry import names
from agent.schema import Schemas
from agent.trigger import zone

if TYPE_CHECKING:  # a host without an agent has no store, and many commands need no calendar
    from agent.store import Store


class Kept(Struct, frozen=True):
    """What the store has of the settings and, by the digest of a file's bytes, of policy files."""

    settings: Settings | None = None
    fragments: Mapping[str, str] = field(default_factory=dict)


class World:
    """Opens each thing when it is asked for. `policies_from` overrides `--policies`."""

    def __init__(self, arguments: argparse.Namespace, policies_from: str | None = None) -> None:
        self._arguments = arguments
        self.directory: str = arguments.policies if policies_from is None else policies_from

    @cached_property
    def _settings(self) -> Settings:
        config = self._arguments.config
        return self._kept.settings or load_settings(config, required=config != DEFAULT_CONFIG)

    def settings(self) -> Settings:
        """Return the settings; the defaults, if there is no file in the default place. Raises PolicyError."""
        return self._settings

    @cached_property
    def zone(self) -> tzinfo:
        """What `local` means in policies."""
        return zone(self._settings.timezone, local_zone())

    @property
    def host_id(self) -> str:
        """What makes this host's jitter its own."""
        return host_id(self._settings.host_id)

    def policies(self) -> PolicySet:
        """Return the policies as the files are at this moment. Raises PolicyError with every mistake."""
        self.settings()
        return load(self.directory, SIGNALS, names(), cache=self._kept.fragments)

    def web(self) -> WebConfig | None:
        """Return the web configuration that the settings name, if any. Raises PolicyError with every mistake."""
        path = web_config_path(self._settings, self._arguments.config)
        if not path:
            return None
        from agent.policy.load_web import load_web  # noqa: PLC0415 - many a host has none, and then no TLS is needed

        return load_web(path)

    @cached_property
    def _kept(self) -> Kept:
        """What the agent has compiled need not be compiled again; a store that does not open is no obstacle."""
        try:
            store = self.store_if_any()
            if store is None:
                return Kept()
            from agent.engine.in_force import compiled, settings_in_force  # noqa: PLC0415 - as above

            with store:
                compiler = Schemas().fingerprint()
                return Kept(settings_in_force(store, self._arguments.config, compiler), compiled(store, compiler))
        except StoreError:
            return Kept()

    def task(self, policies: PolicySet, name: str) -> Task:
        """Given the name of a task, return the task. Raises NotFound with the nearest name."""
        if name not in policies.tasks:
            raise NotFound(f"there is no task {name!r}: {suggest(name, policies.tasks, 'tasks')}")
        return policies.tasks[name]

    def store(self) -> Store:
        """Open the store to read and write, and make it if there is none."""
        from agent.store import Store  # noqa: PLC0415 - as above

        return Store(self._arguments.state, ballast_bytes=self._settings.ballast)

    def store_if_any(self) -> Store | None:
        """Open the store to read only, if there is one. Raises StoreError where that cannot be seen."""
        if not _is_there(self._arguments.state):
            return None
        from agent.store import Store  # noqa: PLC0415 - as above
        from agent.store.connection import DATABASE_NAME  # noqa: PLC0415 - as above

        if not _is_there(os.path.join(self._arguments.state, DATABASE_NAME)):
            return None
        try:
            return Store(self._arguments.state, read_only=True)
        except PermissionError as error:
            raise StoreError(f"{self._arguments.state}: {error.strerror}; run this as the user of the agent") from error

    def next_due(self, policies: PolicySet, now: datetime | None = None) -> dict[str, float]:
        """Return when each scheduled, enabled task falls due next, in seconds since the epoch."""
        from agent.engine.coming import next_due  # noqa: PLC0415 - as above

        return next_due(policies, self.zone, now or SystemClock().now())


def _is_there(path: str) -> bool:
    """Tell whether there is such a thing. Raises StoreError where that cannot be seen."""
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}; run this as the user of the agent") from error
    return True
