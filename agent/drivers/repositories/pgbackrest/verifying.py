"""Finds what is damaged in a repository of pgBackRest.

`pgbackrest verify` ends well whatever it finds, is silent unless told to speak, and reads the copy of a manifest when
the manifest is damaged without a word. So it is told to speak, what it says has to be there, and the files that it
takes on trust are read here. It knows no selection: one reading serves all backups of a run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct, field

from agent.drivers.repositories.pgbackrest import contents, wal
from agent.drivers.repositories.pgbackrest.commands import DAMAGE, Engine, Failed
from agent.drivers.repositories.pgbackrest.contents import Item
from agent.drivers.repositories.pgbackrest.info import REPO, backup_of, listed
from agent.drivers.repositories.pgbackrest.manifest import Manifest, Unreadable, manifest, sections
from agent.drivers.repositories.pgbackrest.settings import archives_together, expires_log
from agent.drivers.repository import Damaged
from agent.errors import RunFailed
from agent.model.backups import Backup

_NAMED = 20
_TOGETHER = 10.0
"""Seconds for a segment to arrive after later ones, where several are archived at the same time."""

_SPEAKING = ("--output=text", "--verbose", "--log-level-console=info", "--log-level-stderr=off")
_ARCHIVE = re.compile(r"archiveId: (\S+), total WAL checked: (\d+), total valid WAL: (\d+)")
_BACKUP = re.compile(r"backup: (\S+), status: ([\w -]+), total files checked: (\d+), total valid files: (\d+)")
_FINDING = re.compile(r"P\d+\s+(?:INFO|WARN|ERROR): +((?:\[\d+\]: +)?(?:.*\b(?:invalid|missing|duplicate|unable)\b.*))")
_LABEL = re.compile(r"\d{8}-\d{6}F(?:_\d{8}-\d{6}[DI])?")


class Read(Struct, frozen=True):
    """What one reading of a whole stanza found: files checked and valid by backup, and every line about a flaw."""

    checked: Mapping[str, tuple[int, int]]
    statuses: Mapping[str, str]
    archives: Mapping[str, tuple[int, int]]
    findings: tuple[str, ...]


class Verifying(Struct):
    """Verifies the backups of a stanza; the one reading of it is kept for as long as this lives."""

    engine: Engine
    read: dict[tuple[str, ...], Read] = field(default_factory=dict)

    def verify(self, backup: Backup, *, deep: bool) -> int:
        """As `agent.drivers.repository.Repository.verify`."""
        stanza = listed(self.engine)
        everyone = tuple(backup_of(self.engine, stanza, told) for told in stanza.backups)
        flaws = list(self._structure(backup, everyone))
        if deep:
            flaws += self._content(backup, everyone)
        if flaws:
            more = f"\nand {len(flaws) - _NAMED:,} more" if len(flaws) > _NAMED else ""
            raise Damaged(
                f"backup {backup.id} of {self.engine.stanza} is damaged:\n" + "\n".join(flaws[:_NAMED]) + more
            )
        return backup.stored if deep else 0

    def _content(self, backup: Backup, everyone: Sequence[Backup]) -> Iterator[str]:
        """Say what the one reading of everything found of a backup. Raises RunFailed when there could be none."""
        known = tuple(one.id for one in everyone)
        if known not in self.read:
            try:
                self.read = {known: read(self.engine)}
            except Failed as error:
                # It reads the oldest segment before all else, and gives up when that is damaged.
                place = f"{contents.archive(self.engine)}/{backup.parts[0].facts['archive']}"
                oldest = min(wal.segments(contents.under(self.engine, place)), default="")
                if error.exit_code not in DAMAGE or not wal.stretch(backup, everyone).holds(oldest):
                    raise
                yield f"{place}: segment {oldest}, the oldest of all, is not what was written ({error.words})"
                return
        yield from _of(self.read[known], backup, everyone)

    def _structure(self, backup: Backup, everyone: Sequence[Backup]) -> Iterator[str]:
        if backup.id not in {one.id for one in everyone}:
            yield f"{backup.id} is not there any more"
            return
        for path in (f"{contents.backups(self.engine)}/backup.info", f"{contents.archive(self.engine)}/archive.info"):
            yield from twice(self.engine, path)[1]
        made, flaws = manifest_of(self.engine, backup.id)
        yield from flaws
        if made is not None:
            yield from _files(made, contents.under(self.engine, contents.backups(self.engine)))
        yield from self._log(backup, everyone)

    def _log(self, backup: Backup, everyone: Sequence[Backup]) -> Iterator[str]:
        """Say what is missing of the log."""
        needed = wal.stretch(backup, everyone)
        place = f"{contents.archive(self.engine)}/{backup.parts[0].facts['archive']}"
        expires = expires_log(self.engine)
        whole, on = wal.missing(needed, wal.segments(contents.under(self.engine, place)), expires=expires)
        if on and not needed.until and archives_together(self.engine):
            self.engine.tools.clock.sleep(_TOGETHER)
            whole, on = wal.missing(needed, wal.segments(contents.under(self.engine, place)), expires=expires)
        for segment in whole:
            yield f"{place}: segment {segment} is missing, without which the backup cannot be restored"
        if on:
            between = on[0] if len(on) == 1 else f"{on[0]} to {on[-1]} ({len(on):,})"
            yield f"{place}: segment {between} is missing, beyond which no point in time can be reached"


def manifest_of(engine: Engine, label: str) -> tuple[Manifest | None, list[str]]:
    """Return the manifest of a backup from whichever copy is whole, None for neither, and what is wrong with them."""
    found, flaws = twice(engine, f"{contents.backups(engine)}/{label}/backup.manifest")
    if found is None:
        return None, flaws
    try:
        return manifest(label, found), flaws
    except Unreadable as error:
        return None, [*flaws, f"the manifest of {label}: {error}"]


def twice(engine: Engine, path: str) -> tuple[Mapping[str, Mapping[str, str]] | None, list[str]]:
    """Read a file and its copy; return the sections of one that is whole, None for neither, and what is wrong."""
    good, flaws, raw = None, [], set()
    for name in (path, f"{path}.copy"):
        try:
            content = contents.get(engine, name)
            found = sections(content)
        except (Failed, Unreadable) as error:
            flaws.append(f"{name}: {error}")
            continue
        good = good or found
        raw.add(content)
    if len(raw) > 1:
        flaws.append(f"{path} and its copy are not the same")
    return good, flaws


def _files(made: Manifest, there: Mapping[str, Item]) -> Iterator[str]:
    """Hold the files of a manifest against those that are there."""
    ends: dict[str, int] = {}
    for one in made.files:
        if one.path:
            place = f"{one.backup}/{one.path}"
            ends[place] = max(ends.get(place, 0), one.end)
    for place, end in ends.items():
        item = there.get(place)
        if item is None or item.type != "file":
            yield f"{place} is missing"
        elif item.size < end or (item.size != end and "/bundle/" not in place):
            yield f"{place} has {item.size:,} bytes instead of {end:,}"
    # A bundle is known to its end only by the backup that wrote it: others may use less of it.
    for place, end in ends.items():
        item = there.get(place)
        if "/bundle/" in place and place.startswith(f"{made.label}/") and item is not None and item.size > end:
            yield f"{place} has {item.size:,} bytes instead of {end:,}"


def read(engine: Engine) -> Read:
    """Have pgBackRest read everything. Raises RunFailed when it does not say what it read."""
    said = engine.do("verify", f"--repo={REPO}", *_SPEAKING)
    found = Read(
        {match[1]: (int(match[3]), int(match[4])) for match in _BACKUP.finditer(said)},
        {match[1]: match[2] for match in _BACKUP.finditer(said)},
        {match[1]: (int(match[2]), int(match[3])) for match in _ARCHIVE.finditer(said)},
        tuple(match[1] for match in _FINDING.finditer(said) if "total" not in match[1]),
    )
    if not found.checked or not found.archives:
        raise RunFailed(f"pgbackrest verify does not say what it read of {engine.stanza}, so nothing is verified")
    return found


def _of(found: Read, backup: Backup, everyone: Sequence[Backup]) -> Iterator[str]:
    """Return what a reading found that concerns a backup: its files, and its part of the log."""
    checked, valid = found.checked.get(backup.id, (0, 0))
    if not checked:
        yield f"pgbackrest verify checked no file of {backup.id}"
    elif valid != checked or found.statuses[backup.id] != "valid":
        yield f"{checked - valid:,} of {checked:,} files are not what was written ({found.statuses[backup.id]})"
    needed = wal.stretch(backup, everyone)
    archive = backup.parts[0].facts["archive"]
    if not found.archives.get(archive, (0, 0))[0]:
        yield f"pgbackrest verify checked nothing of the log {archive}"
    named = 0
    for finding in found.findings:
        hit = wal.segments([name.rstrip(":'") for name in re.findall(r"[^\s']+", finding)])
        named += len(hit)
        labels = set(_LABEL.findall(finding))
        if backup.id in labels or any(needed.holds(segment) for segment in hit if f"{archive}/" in finding):
            yield finding
    total, good = found.archives.get(archive, (0, 0))
    if total - good > named:
        yield f"{total - good:,} segments of the log {archive} are not what was written"
