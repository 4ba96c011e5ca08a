"""Brings a server's files back into an empty directory."""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Iterator
from contextlib import contextmanager

from agent.drivers import asking
from agent.drivers.physical import TABLESPACES, RecoveryTarget
from agent.drivers.repositories.pgbackrest import settings, targets
from agent.drivers.repositories.pgbackrest.commands import DAMAGE, INSTALL, Engine, Failed
from agent.drivers.repositories.pgbackrest.info import REPO
from agent.drivers.repositories.pgbackrest.verifying import manifest_of
from agent.drivers.repository import Damaged
from agent.errors import RunFailed
from agent.host.scratch import remove_inside, remove_whole
from agent.model.backups import Backup


def into(
    engine: Engine, backup: Backup, directory: str, target: RecoveryTarget | None, *, moves: bool = False
) -> tuple[int, int]:
    """Restore into an empty directory that the user of the stanza owns; return files and bytes.

    Tablespaces come to be beside the directory, links as what they lead to: nothing is written elsewhere. `moves`
    says that the directory will have the place of the live one: then the server will archive its log as it did, and
    otherwise not at all. Raises Damaged and RunFailed, and then has left nothing in the directory or beside it.
    """
    made, flaws = manifest_of(engine, backup.id)
    if made is None:
        raise Damaged("\n".join(flaws))
    with _as_it_was(directory):
        try:
            engine.do(
                "restore",
                f"--repo={REPO}",
                f"--set={backup.id}",
                f"--pg1-path={directory}",
                *targets.options(target),
                f"--tablespace-map-all={directory}{TABLESPACES}",
                *("--no-link-all", "--reset-link-map", "--reset-tablespace-map", "--no-delta"),
                *(_moved(engine) if moves else ("--archive-mode=off",)),
            )
        except Failed as error:
            if error.exit_code in DAMAGE:
                raise Damaged(f"backup {backup.id} cannot be restored: {error.words}") from error
            raise RunFailed(str(error)) from error
    return len(made.files), sum(one.size for one in made.files)


@contextmanager
def _as_it_was(directory: str) -> Iterator[None]:
    """Leave an empty directory, and what is beside it, as they were if what is done with it fails."""
    beside, mode = f"{directory}{TABLESPACES}", stat.S_IMODE(os.stat(directory).st_mode)
    if os.path.lexists(beside):
        raise RunFailed(f"{beside}, where tablespaces would come to be, is there already: name another directory")
    try:
        yield
    except BaseException:
        remove_whole(beside)
        remove_inside(directory)
        os.chmod(directory, mode)
        raise


def _moved(engine: Engine) -> tuple[str, ...]:
    """Return the option by which a server gets its log wherever its files are; pgBackRest's own names the directory."""
    program = settings.of(engine, "cmd") or asking.program(("pgbackrest",), asking.search_path(), INSTALL)
    words = (program, f"--config={engine.config}", f"--stanza={engine.stanza}", f"--repo={REPO}", "archive-get")
    line = shlex.join(words).replace("%", "%%") + ' %f "%p"'
    return (f"--recovery-option=restore_command={line}",)
