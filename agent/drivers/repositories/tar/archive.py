"""Makes the archive of a backup's files and its manifest, both at once, as tar reads each file once."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping

from msgspec import Struct

from agent.drivers.repositories.tar import commands, complaints, flow, layout, manifest, sources
from agent.drivers.repositories.tar.complaints import Complaints
from agent.drivers.repositories.tar.flow import Read
from agent.drivers.repositories.tar.hashing import Summing
from agent.drivers.repositories.tar.headers import Member
from agent.drivers.repositories.tar.job import Job
from agent.drivers.repositories.tar.members import Stream
from agent.drivers.repositories.tar.sink import Sink, sinking
from agent.drivers.repositories.tar.site import Site
from agent.drivers.repository import Damaged
from agent.errors import RunFailed
from agent.ports import Completed, Program, StopRequested

_BATCH = 500
"""Lines."""


class Archive(Struct, frozen=True, kw_only=True):
    """An archive that was made, and its manifest: BLAKE3 by file name, what is missing, and how much it is.

    `files` are those objects in it that are no directories; `bytes` were read, `stored` were written. `fine` is that
    there are times of less than a second in it. `torn` is that a file is in it by some of its names alone, the others
    being in an archive that it builds on: a directory was moved, and that does not touch what is in it.
    """

    name: str
    manifest: str
    sums: Mapping[str, str]
    complaints: Complaints
    bytes: int
    stored: int
    files: int
    fine: bool
    torn: bool


def make(job: Job, progress: Callable[[int], None], since: float | None) -> Archive:
    """Back the paths of a job up into its draft; the draft of tar's state is brought up to date.

    `progress` is told how many bytes of files were read. `since` is when the backup began that this one builds on, None
    for none. Raises RunFailed when a program fails, StopRequested, OSError.
    """
    site = job.site
    tar = commands.make("tar", *sources.arguments(site, job.paths, job.request, job.state.draft))
    names = [f"{name}{site.encryption.suffix}" for name in (layout.FILES, layout.MANIFEST)]
    into, listing = (os.path.join(job.draft, name) for name in names)
    with sinking(job.writers(), into) as (archive,), sinking(job.writers(small=True), listing) as (listed,):
        lines = _Lines(site, listed, progress, since)
        completed, sums = flow.pump(
            site,
            lambda output: (Program(tar, None, output),),
            (archive, listed),
            lines.take,
            lambda completed: lines.end(_end(job, lines.objects, _said(completed[0], site))),
        )
        if not lines.whole:
            raise RunFailed("tar ended before its archive did, and did not say why")
        said = _said(completed[0], site)
        return Archive(
            name=names[0],
            manifest=names[1],
            sums={os.path.basename(path): digest for path, digest in sums.items()},
            complaints=complaints.anonymous(said) if site.encryption.kind else said,
            bytes=lines.content,
            stored=archive.size + listed.size,
            files=lines.files,
            fine=lines.fine,
            torn=lines.links > 0,
        )


def _end(job: Job, objects: int, said: Complaints) -> manifest.End:
    return manifest.End(
        objects=objects,
        sources=job.paths,
        exclude=job.request.exclude,
        one_file_system=job.request.one_file_system,
        flaws=said.flaws,
        left_out=said.left_out,
    )


def _said(tar: Completed, site: Site) -> Complaints:
    """Return what tar complained of. Raises RunFailed when it failed as a whole."""
    if tar.code not in (0, 1) or tar.timed_out or tar.survivors:
        if site.tools.stop():
            raise StopRequested
        raise RunFailed(f"tar failed with code {tar.code}: {commands.words(tar)}")
    return complaints.heard(tar)


class _Lines:
    """Writes a line of the manifest for each member of the archive.

    `content` counts the bytes of files that went by; `whole` is whether the archive came to its end.
    """

    def __init__(self, site: Site, sink: Sink, progress: Callable[[int], None], since: float | None) -> None:
        self.objects = self.files = self.links = self.content = 0
        self.fine = self.whole = False
        self._sink = sink
        self._progress = progress
        self._since = since
        self._stop = site.tools.stop
        self._lines: list[str] = []

    def take(self, read: Read) -> None:
        """Read the archive to its end. Raises RunFailed when it is none of the kind that is read here."""
        stream = Stream(read, "what tar wrote", self._heard)
        summing = Summing(stream)
        try:
            while (member := stream.next()) is not None:
                digest = ""
                if member.kind == "file":
                    self.content += member.stored
                    digest = summing.take(member)
                self._tell(member, digest)
            self.whole = True
        except Damaged as error:
            if stream.cut:
                # What tar says of it when it has ended counts for more.
                return
            raise RunFailed(f"{error}: is it GNU tar? See what tar --version says") from error

    def end(self, end: manifest.End) -> None:
        """Write the last line."""
        self._lines.append(manifest.last_line(end))
        self._flush()

    def _tell(self, member: Member, digest: str) -> None:
        if member.kind != "directory":
            self.files += 1
        if self._since is not None:
            self._count_links(member.path, member.kind, self._since)
        self.objects += 1
        self.fine = self.fine or member.modified % 1_000_000_000 != 0
        self._lines.append(manifest.line(member, digest))
        if len(self._lines) >= _BATCH:
            self._flush()

    def _count_links(self, path: bytes, kind: str, since: float) -> None:
        """Count the names that are still to come of files that did not change; a file that changed comes by all."""
        with contextlib.suppress(OSError):
            about = os.lstat(path)
            if about.st_nlink > 1 and about.st_ctime < since and kind != "directory":
                self.links += -1 if kind == "hard link" else about.st_nlink - 1

    def _flush(self) -> None:
        self._sink.write("".join(self._lines).encode("ascii"))
        self._lines.clear()

    def _heard(self, more: int) -> None:
        if not more and self._stop():
            raise StopRequested
        self._progress(self.content)
