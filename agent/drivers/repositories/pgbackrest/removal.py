"""Removes backups, and what dead runs have left, by pgBackRest's own `expire`."""

from __future__ import annotations

from collections.abc import Sequence

from agent.drivers.repositories.pgbackrest import contents, info
from agent.drivers.repositories.pgbackrest.commands import Engine
from agent.drivers.repositories.pgbackrest.info import REPO, Stanza
from agent.errors import Refused, RunFailed
from agent.model.backups import Backup, Junk
from agent.model.reasons import Reason

_ALL = 9_999_999
"""The largest number that pgBackRest takes for how many to keep."""


def _keeping(fulls: int, log: str = "") -> tuple[str, ...]:
    """Return options that keep all but the oldest full backups, and the log from the oldest kept on.

    How early the log is given up stays with the admin's configuration, unless `log` says otherwise.
    """
    full = f"--repo{REPO}-retention-full"
    other = (f"--repo{REPO}-retention-diff={_ALL}", *((f"--repo{REPO}-retention-archive={log}",) if log else ()))
    return (f"--repo={REPO}", f"{full}-type=count", f"{full}={fulls}", *other)


def remove(engine: Engine, backups: Sequence[Backup]) -> int:
    """As `agent.drivers.repository.Repository.remove`.

    Raises Refused for what a backup that stays needs, and for the last full one.
    """
    doomed = {backup.id for backup in backups}
    stanza = info.listed(engine)
    there = {told.label for told in stanza.backups}
    doomed &= there
    if not doomed:
        return 0
    fulls = _stays(engine, stanza, doomed)
    before = contents.size(engine)
    for told in stanza.backups:
        # With a backup goes what builds on it.
        if told.label in doomed and told.prior not in doomed:
            engine.do("expire", f"--set={told.label}", *_keeping(fulls))
    left = {told.label for told in info.listed(engine).backups}
    if left != there - doomed:
        odd = ", ".join(sorted(left ^ (there - doomed)))
        raise RunFailed(f"pgbackrest expire did not leave what it should: look at {odd} of {engine.stanza}")
    return max(0, before - contents.size(engine))


def _stays(engine: Engine, stanza: Stanza, doomed: set[str]) -> int:
    """Return how many full backups stay. Raises Refused for none, and where one that stays needs a doomed one."""
    for told in stanza.backups:
        if told.prior in doomed and told.label not in doomed:
            raise Refused(
                Reason.NEEDED_BY_KEPT, f"{told.label} of {engine.stanza} needs {told.prior}: keep it, or remove both"
            )
    fulls = sum(told.type == "full" and told.label not in doomed for told in stanza.backups)
    if not fulls:
        raise Refused(
            Reason.NEEDED_BY_KEPT, f"the last full backup of {engine.stanza} is never removed: make another one first"
        )
    return fulls


def unfinished(engine: Engine, stanza: Stanza) -> tuple[Junk, ...]:
    """Return what is no complete backup."""
    known = {told.label for told in stanza.backups}
    names = {name.partition("/")[0] for name in contents.under(engine, contents.backups(engine))}
    labels = sorted(name for name in names if name[:1].isdigit() and name not in known)
    return tuple(Junk(label, "a backup that did not end; the next one resumes or removes it") for label in labels)


def sweep(engine: Engine) -> tuple[str, ...]:
    """As `agent.drivers.repository.Repository.sweep`.

    A backup that can be resumed stays for the next one. Locks of pgBackRest end with their process.
    """
    stanza = info.listed(engine)
    before = {junk.name for junk in unfinished(engine, stanza)}
    if not before:
        return ()
    engine.do("expire", *_keeping(_ALL, str(_ALL)))
    return tuple(sorted(before - {junk.name for junk in unfinished(engine, stanza)}))
