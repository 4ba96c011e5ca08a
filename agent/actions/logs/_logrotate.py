"""logrotate as the engine, with a configuration that it looks at before it is used."""

from __future__ import annotations

import grp
import os
import pwd
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from agent.actions.logs._engine import Hindrance, Job, Setup
from agent.actions.logs._programs import installed
from agent.actions.logs._rotated import Around
from agent.errors import RunFailed
from agent.host.durable import replace
from agent.host.following.unpacking import command
from agent.host.output import visible
from agent.host.scratch import make_private
from agent.model.reasons import Reason
from agent.ports import Completed
from agent.rules.rotating import (
    Generation,
    Wanted,
    complaints,
    configuration,
    considered,
    outlived,
    speakable,
)


class Logrotate(Struct, frozen=True):
    """Has logrotate rotate."""

    setup: Setup

    def hindrance(self, seen: Around) -> Hindrance | None:
        """Return what logrotate cannot bear, as `Engine`."""
        if installed("logrotate") is None:
            return Hindrance("logrotate is not installed", "apt install logrotate, or choose `engine: own`")
        if not speakable(seen.log.path):
            return Hindrance(
                "its path has characters that cannot stand in a configuration of logrotate",
                "rename it, or choose `engine: own`",
            )
        if seen.directory_mode & 0o002:
            return Hindrance(
                "everybody may write to its directory, where logrotate rotates nothing",
                "`chmod o-w` that, or choose `engine: own`",
                Reason.UNSAFE_DIRECTORY,
            )
        if _su(seen) is None:
            return Hindrance(
                "its directory belongs to a user or group without a name, which logrotate cannot become",
                "`chown` that, or choose `engine: own`",
            )
        return None

    def outlived(self, seen: Around) -> list[Generation]:
        """Return what logrotate will delete, as `Engine`."""
        return self.setup.outlived(seen, outlived)

    def check(self, jobs: Sequence[Job]) -> None:
        """Have logrotate look at the configuration without acting on it, as `Engine`."""
        make_private(self.setup.ctx.place)
        text = configuration([(job.path, self._wanted(job.around)) for job in jobs])
        replace(self._file("rotation.conf"), text.encode(), 0o644)
        completed = self._run("-d", "-s", self._file("looked.state"))
        missed = {job.path for job in jobs} - considered(completed.output)
        wrong = complaints(completed.output)
        if completed.code or wrong or missed:
            said = (
                "; ".join(wrong[:5]) or f"it does not look at {', '.join(sorted(missed)[:5])}"
                if missed
                else _said(completed)
            )
            raise RunFailed(f"logrotate does not take the configuration {self._file('rotation.conf')}: {visible(said)}")

    def rotate(self, jobs: Sequence[Job], stamp: str, *, resume: bool) -> list[str]:
        """Have logrotate rotate, as `Engine`; it makes the stamp itself."""
        del stamp, resume
        self.check(jobs)
        completed = self._run("-v", "-s", self._file("logrotate.state"))
        wrong = complaints(completed.output)
        if completed.code or wrong:
            return [f"logrotate failed: {visible('; '.join(wrong[:5])) or _said(completed)}"]
        return []

    def _wanted(self, seen: Around) -> Wanted:
        options = self.setup.options
        program = self.setup.compressor()
        return Wanted(
            keep=options.keep,
            min_size=max(1, options.min_size),
            max_age=self.setup.max_days,
            compress=(program, self.setup.ending) if program else None,
            copy=options.method == "copytruncate",
            create=_creating(options.create),
            su=_su(seen) or "",
        )

    def _file(self, name: str) -> str:
        return os.path.join(self.setup.ctx.place, name)

    def _run(self, *arguments: str) -> Completed:
        ctx = self.setup.ctx
        argv = ("logrotate", *arguments, self._file("rotation.conf"))
        try:
            completed = ctx.processes.run(command(*argv), ctx.stopping)
        except RunFailed as error:
            raise RunFailed(f"{error}; logs are rotated by logrotate: apt install logrotate") from error
        if completed.stopped:
            ctx.checkpoint()
        return completed


def _su(seen: Around) -> str | None:
    """Return whom logrotate has to act as in a directory that is not root's alone, "" for root, None for nobody."""
    theirs = seen.directory_uid != 0 or (seen.directory_mode & 0o020 and seen.directory_gid != 0)
    if os.geteuid() != 0 or not theirs:
        return ""
    try:
        return f"{pwd.getpwuid(seen.directory_uid).pw_name} {grp.getgrgid(seen.directory_gid).gr_name}"
    except KeyError:
        return None


def _creating(create: Mapping[str, Any] | None) -> str:
    if create is None:
        return ""
    return " ".join(str(create[name]) for name in ("mode", "user", "group") if create[name] is not None)


def _said(completed: Completed) -> str:
    return visible(" ".join(completed.output.split())[-300:]) or f"exit code {completed.code}"
