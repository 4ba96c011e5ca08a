"""The first step of `backup.create`: whether everything is there that a backup takes."""

from __future__ import annotations

from agent.actions.backup._creation import Creation
from agent.actions.backup._repository import database_of
from agent.actions.backup._sources import measure, require_paths
from agent.drivers.physical import Physical
from agent.drivers.repository import ListingFailed, Repository, Request
from agent.drivers.serving import NoPlace
from agent.errors import RunFailed
from agent.host.output import visible
from agent.model.actions import Explain, Fact, Outcome, Preview, Step
from agent.model.backups import Level
from agent.readable import size

_UNSEEN = "not looked at: that takes a file with its password, and nothing is written here"


def checking(creation: Creation) -> Step:
    """Return the step that fails the run before anything is written, unless all sources and tools are there."""

    def do() -> Outcome:
        _require_fitting(creation)
        require_paths(creation.sources, creation.definition, allow_empty=creation.allow_empty)
        facts = _databases(creation)
        _prepare(creation, creation.repository())
        return Outcome(facts)

    def preview(_explain: Explain) -> Preview:
        _require_fitting(creation)
        require_paths(creation.sources, creation.definition, allow_empty=creation.allow_empty)
        if creation.must_be_there():
            _require_there(creation, creation.repository())
        facts: dict[str, Fact] = {}
        files = total = 0
        for path in creation.sources.paths:
            found, read = measure(path, creation.ctx.checkpoint)
            facts[visible(path)] = f"{found:,} files, {size(read)}"
            files, total = files + found, total + read
        facts |= _databases(creation, otherwise=_UNSEEN)
        whereto = creation.definition["name"]
        return Preview(f"back up {files:,} files of {size(total)} and {_count(creation)} to {whereto}", facts)

    return Step(name="check", do=do, preview=preview, irreversible="a repository that is made and empty harms nobody")


def _require_fitting(creation: Creation) -> None:
    """Raise RunFailed for sources that the repository is not for."""
    repository, ctx, sources = creation.repository(), creation.ctx, creation.sources
    if isinstance(repository, Physical):
        request = Request(
            host=ctx.host,
            task=ctx.task,
            level=Level.FULL,
            parent=None,
            now=creation.now,
            paths=sources.paths,
            exclude=sources.exclude,
            one_file_system=sources.one_file_system,
            databases=tuple(database_of(one, ctx, drivers=creation.drivers) for one in sources.databases),
        )
        if wrong := repository.refuse(request):
            raise RunFailed(wrong)


def _prepare(creation: Creation, repository: Repository) -> None:
    """Make the repository, unless this host has made backups in it: then one that is not there is not mounted."""
    if creation.must_be_there():
        _require_there(creation, repository)
    else:
        repository.prepare()


def _require_there(creation: Creation, repository: Repository) -> None:
    try:
        repository.listing(creation.ctx.host, creation.ctx.task)
    except ListingFailed as error:
        raise ListingFailed(
            f"{error}; as this host has made backups in {repository.name}, no other is made in its place: "
            "if that is wanted, set `vanished: forget` for one run"
        ) from error


def _count(creation: Creation) -> str:
    number = len(creation.sources.databases)
    return "1 database" if number == 1 else f"{number} databases"


def _databases(creation: Creation, otherwise: str = "") -> dict[str, Fact]:
    """Look at every database; return what is there, or `otherwise` of one that cannot be looked at without writing.

    Raises RunFailed for one that is not there.
    """
    facts: dict[str, Fact] = {}
    for definition in creation.sources.databases:
        try:
            look = database_of(definition, creation.ctx, drivers=creation.drivers).look()
        except NoPlace:
            if not otherwise:
                raise
            facts[definition["name"]] = otherwise
            continue
        facts[definition["name"]] = f"{visible(look.version)}, {len(look.tables):,} tables, {size(look.bytes)}"
    return facts
