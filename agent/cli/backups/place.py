"""Which repositories a subcommand looks into, and how it opens them."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from msgspec import Struct

from agent.cli.world import World
from agent.drivers.database import Tools
from agent.drivers.repositories import open_repository
from agent.drivers.repository import Repository
from agent.errors import BadArgument, NotFound
from agent.host.clock import SystemClock
from agent.host.processes import SystemProcesses
from agent.host.scratch import temporary
from agent.model.backups import Backup, Proof, Verification
from agent.model.policies import PolicySet
from agent.policy.nearest import suggest
from agent.rules.keep import Standing

Definition = Mapping[str, Any]
"""A repository as `agent.drivers.repositories.open_repository` wants it."""

CREATES = "backup.create"

_OF_RESTIC = ("config", "snapshots", "keys")
_NAMELESS = "the repository"
"""What a repository of restic is called that no policy names: where it is may hold a password."""


class Place(Struct, frozen=True):
    """An open repository, and whose backups in it are meant: an empty host is every host, an empty task every task."""

    repository: Repository
    host: str
    task: str


class Known(Struct, frozen=True):
    """What the store has of the backups of one repository, by id."""

    proofs: Mapping[str, Proof]
    verifications: Mapping[str, Verification]
    made: frozenset[str] = frozenset()

    @property
    def standing(self) -> Standing:
        """That, as the rules take it."""
        return Standing(proofs=self.proofs, verifications=self.verifications)

    def flaws(self, backup: Backup) -> tuple[str, ...]:
        """Return what is missing from a backup, and the damage that was found in it since a restore last proved it."""
        damage = self.verifications[backup.id].flaws if self.standing.damaged(backup.id) else ()
        return (*backup.flaws, *damage)


def this_host() -> str:
    """Return the name under which this host keeps its backups."""
    return os.uname().nodename


def definitions(policies: PolicySet) -> dict[str, Definition]:
    """Given policies, return every repository that they define, by name."""
    return {
        name: {"name": name, "driver": one.driver, "settings": one.settings}
        for name, one in policies.repositories.items()
    }


def definition_at(path: str) -> Definition:
    """Given the directory of a tar repository, return its definition."""
    settings = {"path": os.path.abspath(path), "compression_level": 3, "threads": 1, "encryption": None}
    return {"name": os.path.basename(os.path.abspath(path)), "driver": "tar", "settings": settings}


def named_by_itself(arguments: argparse.Namespace) -> Definition | None:
    """Return the repository that the arguments describe without policies, None for none. Raises BadArgument."""
    if arguments.restic is None:
        if arguments.password_file is not None or arguments.environment_file is not None:
            raise BadArgument("--password-file and --environment-file belong to --restic REPOSITORY: name that as well")
        path = arguments.repository_path
        if path is not None and all(os.path.exists(os.path.join(path, name)) for name in _OF_RESTIC):
            raise BadArgument(f"{path} is a repository of restic: name it with --restic, and --password-file")
        return None if path is None else definition_at(path)
    if arguments.password_file is None:
        raise BadArgument("--restic wants --password-file FILE as well, with the password of the repository")
    if arguments.identity is not None or arguments.gnupg_home is not None:
        raise BadArgument("--identity and --gnupg-home read repositories of tar: restic has its --password-file")
    location, environment = arguments.restic, arguments.environment_file
    settings = {
        "repository": location if ":" in location else os.path.abspath(location),
        "password_file": os.path.abspath(arguments.password_file),
        "environment_file": None if environment is None else os.path.abspath(environment),
        "limit_upload": None,
        "cache": None,
    }
    return {"name": _NAMELESS, "driver": "restic", "settings": settings}


def with_key(definition: Definition, arguments: argparse.Namespace) -> Definition:
    """Given a repository, return it with the private key that the arguments name, if they name one."""
    keys = {"age": ("identity_file", arguments.identity), "gnupg": ("home", arguments.gnupg_home)}
    for kind, (name, where) in keys.items():
        if where is not None:
            encryption = (definition["settings"].get("encryption") or {}).get(kind) or {"recipients": []}
            made = {kind: {**encryption, name: os.path.abspath(where)}}
            return {**definition, "settings": {**definition["settings"], "encryption": made}}
    return definition


@contextmanager
def tools() -> Iterator[Tools]:
    """Make what drivers work with in a command that looks."""
    with temporary() as scratch:
        yield Tools(
            processes=SystemProcesses(),
            clock=SystemClock(),
            stop=lambda: False,
            progress=lambda _done, _total, _unit: None,
            scratch=scratch,
            keep=scratch,
        )


@contextmanager
def places(arguments: argparse.Namespace, world: World) -> Iterator[list[Place]]:
    """Open the repositories that the arguments mean. Raises NotFound and PolicyError."""
    host, task = arguments.host or "", getattr(arguments, "task", None) or ""
    named = named_by_itself(arguments)
    if named is not None:
        chosen = [named]
    else:
        host = host or this_host()
        chosen = _chosen(world.policies(), arguments.repository, task)
    with tools() as made:
        yield [Place(open_repository(with_key(one, arguments), made), host, task) for one in chosen]


def _chosen(policies: PolicySet, repository: str | None, task: str) -> list[Definition]:
    known = definitions(policies)
    if repository is not None:
        if repository not in known:
            raise NotFound(f"there is no repository {repository!r}: {suggest(repository, known, 'repositories')}")
        return [known[repository]]
    if task in policies.tasks and policies.tasks[task].action == CREATES:
        # Another task of another repository cannot have made its backups.
        return [json.loads(policies.tasks[task].options)["repository"]]
    if not known:
        raise NotFound("the policies define no repository: define one, or name one with --repository-path")
    return list(known.values())


def known_of(world: World, repository: str, tasks: Iterable[str] = ()) -> Known:
    """Given the name of a repository, return what the store knows of its backups; nothing where there is no store.

    Which of them this host made is told of `tasks`.
    """
    store = world.store_if_any()
    if store is None:
        return Known({}, {})
    with store:
        ledger = store.ledger
        made = frozenset(one.id for task in tasks for one in ledger.known(repository, task))
        return Known(ledger.proofs(repository), ledger.verifications(repository), made)
