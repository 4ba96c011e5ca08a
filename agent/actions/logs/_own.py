"""Rotation by ourselves: for hosts without logrotate, and for logs that logrotate does not rotate."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from collections.abc import Sequence
from contextlib import suppress
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from agent.actions.logs._engine import Hindrance, Job, Setup
from agent.actions.logs._rotated import Around, Before
from agent.errors import RunFailed
from agent.host.following.unpacking import command, with_zstd
from agent.host.output import visible
from agent.host.rotation import (
    Actor,
    Creation,
    NotRotated,
    Packing,
    Place,
    copy_and_empty,
    drop,
    pack,
    place_at,
    turn,
)
from agent.host.tree import UnsafePath
from agent.host.writers import writers_of
from agent.model.reasons import Reason
from agent.ports import Command, Program
from agent.rules.rotating import Generation, outlived_by_us, to_pack

_LEVELS = {"zstd": ("-q", "-c"), "gzip": ("-6", "-c")}


class Own(Struct, frozen=True):
    """Rotates in this process."""

    setup: Setup

    def hindrance(self, seen: Around) -> Hindrance | None:
        """Return what cannot be done safely, as `Engine`."""
        if not seen.directory_mode & stat.S_IWOTH:
            return None
        if not seen.directory_mode & stat.S_ISVTX:
            return Hindrance(
                "everybody may write to its directory, rename there and remove what is not theirs",
                "`chmod o-w` that, or `chmod +t`",
                Reason.UNSAFE_DIRECTORY,
            )
        if seen.directory_uid not in (0, os.geteuid(), seen.log.uid):
            return Hindrance(
                "everybody may write to its directory, whose owner is neither root nor the log's and may exchange it",
                "`chown` or `chmod o-w` that",
                Reason.UNSAFE_DIRECTORY,
            )
        return None

    def outlived(self, seen: Around) -> list[Generation]:
        """Return what will be deleted, as `Engine`."""
        return self.setup.outlived(seen, outlived_by_us)

    def check(self, jobs: Sequence[Job]) -> None:
        """See that there is what compresses, and who is to own the new logs, as `Engine`."""
        if jobs:
            self.setup.compressor()
            self._creation()

    def rotate(self, jobs: Sequence[Job], stamp: str, *, resume: bool) -> list[str]:
        """Rotate log after log, as `Engine`."""
        creation, wrong = self._creation(), list[str]()
        for job in jobs:
            self.setup.ctx.checkpoint()
            directory, _, name = job.path.rpartition("/")
            try:
                with place_at(directory or "/", _actor(job.around)) as place:
                    one = _One(self.setup, job, place, name, creation)
                    wrong += one.leftovers()
                    wrong += one.packed()
                    one.turned(name + stamp, resume=resume)
                    wrong += one.dropped()
            except (OSError, NotRotated, UnsafePath, RunFailed) as error:
                wrong.append(f"{job.path}: {_told(error)}")
        return wrong

    def _creation(self) -> Creation | None:
        create = self.setup.options.create
        if create is None:
            return None
        try:
            user, group = pwd.getpwnam(create["user"]).pw_uid, grp.getgrnam(create["group"]).gr_gid
        except KeyError as error:
            raise RunFailed(f"`create`: unknown user or group {error}: create it, or name another") from error
        return Creation(int(create["mode"], 8), user, group)


class _One(Struct, frozen=True):
    """The rotation of one log."""

    setup: Setup
    job: Job
    place: Place
    name: str
    creation: Creation | None

    def leftovers(self) -> list[str]:
        """Remove the empty generations that a process leaves that was killed; return what went wrong."""
        return self._gone([one for one in self.job.outlived if not one.bytes])

    def dropped(self) -> list[str]:
        """Remove the generations that are too many or too old; return what went wrong."""
        return self._gone([one for one in self.job.outlived if one.bytes])

    def _gone(self, ones: Sequence[Generation]) -> list[str]:
        wrong = []
        for one in ones:
            try:
                with self.place.acting():
                    drop(self.place.fd, one.name)
            except (OSError, NotRotated) as error:
                wrong.append(f"{self.place.path}/{one.name}: {_told(error)}")
        return wrong

    def packed(self) -> list[str]:
        """Compress the plain generations that stay; return what went wrong, which leaves them plain."""
        if not self.setup.ending:
            return []
        wrong = []
        going = {one.name for one in self.job.outlived}
        ctx = self.setup.ctx
        packing = Packing(self.setup.ending, self._compress, with_zstd(ctx.processes, ctx.stopping))
        for name in to_pack(self.name, self.job.around.generations):
            if name in going:
                continue
            ctx.checkpoint()
            try:
                self._require_quiet(name)
                pack(self.place, name, packing)
            except (OSError, NotRotated, RunFailed) as error:
                ctx.checkpoint()
                wrong.append(f"{self.place.path}/{name}: {_told(error)}")
        return wrong

    def _require_quiet(self, name: str) -> None:
        about = os.stat(name, dir_fd=self.place.fd, follow_symlinks=False)
        writers, _ = writers_of({(about.st_dev, about.st_ino)})
        if writers:
            raise NotRotated(f"{', '.join(writers[:5])} still write to it, so it is not compressed")

    def _compress(self, source: int, target: int) -> None:
        ctx, how = self.setup.ctx, self.setup.options.compress
        asked = _as_user(command(self.setup.compressor(), *_LEVELS[how]), self.place.actor)
        with ctx.processes.piped((Program(asked, stdin=source, stdout=target),), ctx.stopping) as piped:
            pass
        (completed,) = piped.completed
        if completed.stopped:
            ctx.checkpoint()
        if completed.code:
            raise NotRotated(f"{how} ended with {completed.code}: {visible(completed.output.strip()[-200:])}")

    def turned(self, older: str, *, resume: bool) -> None:
        """Have the log take the name of its newest generation, or be copied to that."""
        log = self.job.around.log
        expected = partial(_is, log)
        if self.setup.options.method == "copytruncate":
            copy_and_empty(self.place, self.name, older, expected=expected, resume=resume)
        else:
            exposed = bool(self.job.around.directory_mode & stat.S_IWOTH)
            turn(self.place, self.name, older, expected=expected, creation=self.creation, exposed=exposed)


def _is(log: Before, about: os.stat_result) -> bool:
    return (about.st_dev, about.st_ino, about.st_uid) == (log.device, log.inode, log.uid)


def _actor(seen: Around) -> Actor | None:
    """Return whose rights rotate a log, None for root's own, or those of whoever this is if that is not root.

    In a user's directory they are that user's, as with logrotate; where a group or everybody may write, the owner's of
    the log.
    """
    log, mode = seen.log, seen.directory_mode
    if os.geteuid() != 0:
        return None
    if mode & stat.S_IWOTH:
        actor = Actor(log.uid, log.gid)
    elif seen.directory_uid != 0:
        theirs = (log.gid,) if log.uid == seen.directory_uid else ()
        actor = Actor(seen.directory_uid, seen.directory_gid, theirs)
    elif mode & stat.S_IWGRP and seen.directory_gid != 0:
        actor = Actor(log.uid, log.gid, (seen.directory_gid,))
    else:
        return None
    return actor if actor.user != 0 else None


def _as_user(asked: Command, actor: Actor | None) -> Command:
    """Return a command that only deals with descriptors it is given, as the user whose rights rotate."""
    with suppress(KeyError):
        if actor is not None:
            return replace(asked, user=pwd.getpwuid(actor.user).pw_name)
    return asked


def _told(error: Exception) -> str:
    if isinstance(error, FileExistsError):
        return f"somebody has put {visible(str(error.filename))} there already: remove it, or rotate again"
    return visible(str(error.strerror) if isinstance(error, OSError) and error.strerror else str(error))
