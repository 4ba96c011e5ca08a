"""Bring everything of a lost host back, from nothing but its repository: the newest good backup of each task.

There is no store to journal to, so what is done is written down in the root that is recovered: whoever does it again
after an interruption goes on where it was.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from agent.actions.backup._begun import JOURNAL, Begun, Recovered, begun_in, write_begun
from agent.actions.backup._comparing import compare
from agent.actions.backup._exporting import export
from agent.actions.backup._loading import databases
from agent.actions.backup._lost import outermost
from agent.actions.backup._outlook import total
from agent.actions.backup._overlaps import Kept, Key, Share, Tops, key, shares, superseded
from agent.actions.backup._places import (
    Stage,
    existing,
    pairs,
    prepare,
    require_closed,
    require_replaceable,
    seal,
    sealed,
    settle,
    stages,
    swap,
    swap_back,
)
from agent.actions.backup._room import require_room
from agent.actions.backup._weighing import Load, is_plain, selected, within
from agent.drivers.repository import Repository, Selection
from agent.errors import RunFailed
from agent.host.scratch import remove_whole
from agent.model.backups import Backup, Entry, Part
from agent.ports import Context

SQLITE = "sqlite"
_LOGS = ("-wal", "-shm", "-journal")
COPIES = "/var/lib/hostkeeper/recovered"
"""Where copies of databases go whose servers have to be there first."""


class Recovery:
    """Brings backups back below `root`, an absolute path; `overwrite` lets them take the place of what is there.

    `own` are live paths of which that is always so, each with what goes with it.
    """

    def __init__(
        self,
        ctx: Context,
        repository: Repository,
        root: str,
        *,
        overwrite: bool,
        own: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self._ctx = ctx
        self._repository = repository
        self._root = root.rstrip("/")
        self._here = self._root or "/"
        self._overwrite = overwrite
        self._own = own or {}
        self._tops: dict[Key, tuple[str, ...]] = {}
        self._kept: Kept = ()
        self._superseded: dict[Key, dict[str, Backup]] = {}
        self._decided_for: frozenset[Key] = frozenset()
        self._loads: dict[Key, Load] = {}

    def tops(self, backup: Backup) -> tuple[str, ...]:
        """Return the paths that a backup brings back whole, without the root: of files, and of SQLite's databases."""
        newer = self._superseded.get(key(backup), {})
        return tuple(top for top in self._all(backup) if top not in newer)

    def overlaps(self, backups: Sequence[Backup]) -> list[str]:
        """Let each path come back from the newest of some backups that has it; return a sentence for each other one."""
        tops = {key(one): self._all(one) for one in backups}
        if self._decided_for != tops.keys():
            self._kept = _with_databases(backups, tops)
            self._superseded = superseded(backups, tops, self._repository.entries, self._kept)
            self._decided_for = frozenset(tops)
        return [
            f"{top} comes back from {newer.task}, whose backup is newer; what that leaves out is in {backup} of {task}"
            for (task, backup), mine in sorted(self._superseded.items())
            for top, newer in mine.items()
        ]

    def _all(self, backup: Backup) -> tuple[str, ...]:
        if key(backup) not in self._tops:
            self._tops[key(backup)] = self._looked_up(backup)
        return self._tops[key(backup)]

    def _looked_up(self, backup: Backup) -> tuple[str, ...]:
        found = list(outermost(self._repository.entries(backup)))
        for part in _in_place(backup):
            path = os.fsencode(part.facts["path"])
            if within(path, found) is None:
                found.append(path)
        return tuple(sorted(map(os.fsdecode, found)))

    def conflicts(self, backups: Iterable[Backup]) -> list[str]:
        """Return what is there already and would be replaced; what this has begun itself is not."""
        begun = {one.task for one in begun_in(self._here)}
        mine = [self._root + top for backup in backups if backup.task not in begun for top in self.tops(backup)]
        return [place for place in mine if place not in self._own and _is_there(place)]

    def require_closed(self, backup: Backup) -> None:
        """Raise RunFailed while somebody has a database open that would be replaced."""
        for part in _in_place(backup):
            require_closed(self._root + part.facts["path"])

    def require_room(self, backups: Sequence[Backup]) -> None:
        """Raise RunFailed unless there is room below the root for what the backups bring back."""
        begun = {one.task for one in begun_in(self._here)}
        loads = (
            self.weigh(one).bytes + sum(part.bytes for part in databases(one))
            for one in backups
            if one.task not in begun
        )
        require_room(existing(self._here), sum(loads))

    def weigh(self, backup: Backup) -> Load:
        """Return how much a backup brings back. Raises RunFailed for paths that lead elsewhere."""
        if key(backup) not in self._loads:
            self._loads[key(backup)] = total(selected(self._repository.entries(backup), ()).values())
        return self._loads[key(backup)]

    def recover(self, backups: Sequence[Backup]) -> tuple[Recovered, ...]:
        """Bring backups back, one after the other; all of it is taken back if one fails. Raises RunFailed."""
        self.overlaps(backups)
        parts = shares(backups, {key(one): self.tops(one) for one in backups}, self._kept)
        backups = tuple({key(one.backup): one.backup for one in parts}.values())
        begun = list(begun_in(self._here))
        if begun and all(one.settled for one in begun):
            mine = [one for one in backups if one.task in {known.task for known in begun}]
            return self._settled(tuple(self._verified(one, begun) for one in mine), begun)
        try:
            for share in parts:
                known = next((one for one in begun if (one.task, one.level) == (share.backup.task, share.level)), None)
                if known is None:
                    known = self._begin(share, first=all(one.task != share.backup.task for one in begun))
                    begun.append(known)
                    write_begun(self._here, begun)
                if not known.staged:
                    self._bring(share.backup, known)
                    begun[begun.index(known)] = msgspec.structs.replace(known, staged=True)
                    write_begun(self._here, begun)
                for stage in known.stages:
                    swap(sealed(stage))
            found = tuple(self._verified(backup, begun) for backup in backups)
            begun = [msgspec.structs.replace(one, settled=True) for one in begun]
            write_begun(self._here, begun)
        except BaseException:
            for one in reversed(begun):
                for stage in one.stages:
                    swap_back(sealed(stage))
                    if not os.path.lexists(stage.replaced):
                        remove_whole(stage.directory)
            remove_whole(f"{self._root}/{JOURNAL}")
            raise
        return self._settled(found, begun)

    def _settled(self, found: Sequence[Recovered], begun: Sequence[Begun]) -> tuple[Recovered, ...]:
        """Keep or remove what was replaced, now that all of it is verified; as often as it is interrupted."""
        kept: dict[str, list[str]] = {}
        for one in begun:
            kept.setdefault(one.task, []).extend(settle(stage, keep=one.keep) for stage in one.stages)
        remove_whole(f"{self._root}/{JOURNAL}")
        return tuple(msgspec.structs.replace(one, kept=tuple(filter(None, kept[one.backup.task]))) for one in found)

    def _begin(self, share: Share, *, first: bool) -> Begun:
        """Look whether a share can be brought back, and decide where it is staged; the first has copies along."""
        backup = share.backup
        self.require_room((backup,))
        places = [self._root + top for top in share.tops]
        self.require_closed(backup)
        for part in _in_place(backup):
            if (live := self._root + part.facts["path"]) in places:
                # The logs of another database, found beside this one, would be taken for its own.
                beside = [*(live + ending for ending in _LOGS), *self._own.get(live, ())]
                places += filter(os.path.lexists, beside)
        for place in places:
            require_replaceable(place)
        if first and any(part not in _in_place(backup) for part in databases(backup)):
            places.append(f"{self._root}{COPIES}/{backup.task}")
        mark = f"{self._ctx.now:%Y%m%d%H%M%S}_{backup.task}" + (f"-{share.level}" if share.level else "")
        keep = self._overwrite or any(place in self._own for place in places)
        return Begun(backup.task, backup.id, share.level, stages(places, mark), keep=keep)

    def _bring(self, backup: Backup, begun: Begun) -> None:
        """Bring one backup back beside where it belongs, compare it, and remember what is to change places."""
        for stage in begun.stages:
            prepare(stage)
            os.makedirs(stage.new + self._root, mode=0o700, exist_ok=True)
            self._fill(backup, stage)
            seal(stage, pairs(stage))

    def _fill(self, backup: Backup, stage: Stage) -> None:
        inside = tuple(os.fsencode(path[len(self._root) :]) for path in stage.paths)
        root = stage.new + self._root
        mine = [entry for entry in inside if not _is_copy_place(entry)]
        there = {within(entry.path, mine) for entry in self._repository.entries(backup)}
        files = tuple(top for top in mine if top in there)
        if files:
            self._repository.restore(backup, Selection(files), root)
            compared = compare(root, self._entries(backup, files), self._ctx)
            if compared.different:
                raise RunFailed("what was brought back is not what was backed up:\n" + "\n".join(compared.sentences()))
        for part in databases(backup):
            if part in _in_place(backup):
                self._place(backup, part, root, mine)
            elif any(_is_copy_place(top) for top in inside):
                directory = f"{root}{COPIES}/{backup.task}"
                os.makedirs(directory, mode=0o700, exist_ok=True)
                export(self._ctx, self._repository, backup, part, directory)

    def _place(self, backup: Backup, part: Part, root: str, mine: Sequence[bytes]) -> None:
        """Put the copy of a SQLite database where the database was; older logs of it would spoil it."""
        path = part.facts["path"]
        if within(os.fsencode(path), mine) is None:
            return
        target = root + path
        os.makedirs(os.path.dirname(target), mode=0o700, exist_ok=True)
        for ending in ("", *_LOGS):
            remove_whole(target + ending)
        os.rename(export(self._ctx, self._repository, backup, part, os.path.dirname(target)), target)

    def _entries(self, backup: Backup, tops: Sequence[bytes]) -> Iterator[Entry]:
        """Yield what a backup has, without the databases that their own copies replace."""
        copied = [os.fsencode(part.facts["path"]) for part in _in_place(backup)]
        logs = {path + os.fsencode(ending) for path in copied for ending in ("", *_LOGS)}
        for entry in self._repository.entries(backup):
            if within(entry.path, tops) is not None and entry.path not in logs:
                yield entry

    def _verified(self, backup: Backup, begun: Sequence[Begun]) -> Recovered:
        """Compare what is in place now, and tell what came back."""
        mine = [one for one in begun if one.task == backup.task]
        tops = self.tops(backup)
        others = [os.fsencode(top) for one in begun if one.task != backup.task for top in self._of(one)]
        inner = [other for other in others if within(other, [os.fsencode(top) for top in tops]) is not None]
        entries = (
            entry for entry in self._entries(backup, list(map(os.fsencode, tops))) if within(entry.path, inner) is None
        )
        # Once all was found whole, what is different is the work of others.
        there = [stage.directory for one in mine if not one.settled for stage in one.stages]
        swapped = max((os.stat(directory).st_ctime for directory in there), default=0.0)
        compared = compare(self._root, entries, self._ctx, changed_since=swapped)
        if compared.different:
            raise RunFailed("what is there now is not what was backed up:\n" + "\n".join(compared.sentences()))
        where = f"{self._root}{COPIES}/{backup.task}"
        copies = tuple((where, part) for part in databases(backup) if part not in _in_place(backup))
        return Recovered(backup, compared.others, tuple(self._root + top for top in tops), copies, ())

    def _of(self, begun: Begun) -> list[str]:
        return [path[len(self._root) :] for stage in begun.stages for path in stage.paths]


def _in_place(backup: Backup) -> tuple[Part, ...]:
    """Return the databases that are files, and whose place is known."""
    parts = (part for part in backup.parts if part.kind == SQLITE and "path" in part.facts)
    return tuple(part for part in parts if is_plain(os.fsencode(part.facts["path"])))


def _with_databases(backups: Iterable[Backup], tops: Tops) -> set[tuple[Key, str]]:
    """Return the paths of each backup with a database in them: what others have of its file is of no one instant."""
    found = set()
    for backup in backups:
        for part in _in_place(backup):
            top = within(os.fsencode(part.facts["path"]), tuple(map(os.fsencode, tops[key(backup)])))
            if top is not None:
                found.add((key(backup), os.fsdecode(top)))
    return found


def _is_copy_place(path: bytes) -> bool:
    return path.startswith(os.fsencode(COPIES) + b"/")


def _is_there(path: str) -> bool:
    """Tell whether there is something at a path that is more than an empty directory."""
    if not os.path.lexists(path):
        return False
    return os.path.islink(path) or not os.path.isdir(path) or bool(os.listdir(path))
