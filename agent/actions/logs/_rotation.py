"""Rotation by logrotate: looking, refusing, having it done, and proving it."""

from __future__ import annotations

import grp
import math
import os
import pwd
import shutil
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from agent.actions.logs._rotated import Around, Before, around, create_missing, found, problem, sizes
from agent.errors import Refused, RunFailed
from agent.host.durable import replace
from agent.host.following.unpacking import PATH, command
from agent.host.output import visible
from agent.host.scratch import make_private
from agent.host.writers import writers_of
from agent.model.reasons import Reason
from agent.ports import Completed, Context
from agent.rules.generations import stem
from agent.rules.rotating import (
    Generation,
    Wanted,
    complaints,
    configuration,
    considered,
    named_in,
    names,
    outlived,
    speakable,
)
from agent.rules.safeguards import Refusal, Selection, beyond_limits

SYSTEM = "/etc/logrotate.conf"
_MEMORY = "rotation"
_ENDINGS = {"zstd": ".zst", "gzip": ".gz", "none": ""}
_LOOK_EVERY = 0.2
_WATCHED = 2.0
"""For so many seconds a renamed log is watched where the processes that have it open may not be looked at."""


class Job(Struct, frozen=True):
    """A log that is to be rotated, and what is deleted for it."""

    around: Around
    wanted: Wanted
    outlived: tuple[Generation, ...]


class Rotation(Struct):
    """One run's rotation. `system` is the configuration of the host's own logrotate."""

    options: Any
    ctx: Context
    system: str = SYSTEM

    def jobs(self, *, digest: bool = False) -> list[Job]:
        """Look, and return the logs that are large enough. Raises RunFailed and Refused."""
        copied = self.options.method == "copytruncate"
        made = []
        paths = {path for one in self.options.paths for path in found(one, missing_ok=self.options.missing == "skip")}
        for path in sorted(paths):
            if not speakable(path):
                raise RunFailed(
                    f"{path!a} has characters that cannot stand in a configuration of logrotate: "
                    "rename it, or name others"
                )
            seen = around(path, digest=digest and copied)
            if seen is not None and seen.log.size >= max(1, self.options.min_size):
                made.append(self._job(seen))
        return made

    def _job(self, seen: Around) -> Job:
        options = self.options
        program, ending = _compressing(options.compress)
        age = None if options.max_age is None else max(1, math.ceil(options.max_age / 86400))
        wanted = Wanted(
            keep=options.keep,
            min_size=max(1, options.min_size),
            max_age=age,
            compress=None if options.compress == "none" else (program, ending),
            copy=options.method == "copytruncate",
            create=_creating(options.create),
            su=_su(seen),
        )
        name = seen.log.path.rpartition("/")[2]
        now = self.ctx.clock.now().timestamp()
        gone = outlived(name, seen.generations, keep=options.keep, max_age=age, ending=ending, now=now)
        return Job(seen, wanted, tuple(gone))

    def refusal(self, jobs: Sequence[Job]) -> Refusal | None:
        """Return why these logs must not be rotated, or None."""
        elsewhere = self._elsewhere([job.around.log.path for job in jobs])
        if elsewhere:
            path, place = next(iter(elsewhere.items()))
            more = f", and {len(elsewhere) - 1:,} more logs" if len(elsewhere) > 1 else ""
            return Reason.ROTATED_ELSEWHERE, (
                f"{path} is rotated by {place} already{more}: take it out there, or leave it to that"
            )
        gone = [one for job in jobs for one in job.outlived]
        seen = sum(len(job.around.generations) for job in jobs)
        selection = Selection(len(gone), sum(one.bytes for one in gone), max(seen, len(gone)))
        return beyond_limits(selection, self.ctx.limits, "older logs")

    def _elsewhere(self, paths: Sequence[str]) -> Mapping[str, str]:
        """Return the logs that the host's own configuration rotates, each with the place that names it."""
        known = list(_named(self.system))
        return {
            path: place
            for path in paths
            for place in [next((place for place, pattern in known if names(pattern, path)), None)]
            if place is not None
        }

    def checked(self, jobs: Sequence[Job], *, write: bool) -> str:
        """Have logrotate look at the configuration without acting on it; return it. Raises RunFailed.

        With `write` it is then where `rotate` takes it from; else it is handed over in memory, and nothing is written.
        """
        text = configuration([(job.around.log.path, job.wanted) for job in jobs])
        if not jobs or not write:
            return text
        make_private(self.ctx.place)
        replace(self._file("rotation.conf"), text.encode(), 0o644)
        self._await_free_names(jobs)
        completed = self._logrotate("-d", "-s", self._file("looked.state"))
        missed = {job.around.log.path for job in jobs} - considered(completed.output)
        wrong = complaints(completed.output)
        if completed.code or wrong or missed:
            said = (
                "; ".join(wrong[:5]) or f"it does not look at {', '.join(sorted(missed)[:5])}"
                if missed
                else _said(completed)
            )
            raise RunFailed(f"logrotate does not take the configuration {self._file('rotation.conf')}: {visible(said)}")
        return text

    def _file(self, name: str) -> str:
        return os.path.join(self.ctx.place, name)

    def _logrotate(self, *arguments: str) -> Completed:
        argv = ("logrotate", *arguments, self._file("rotation.conf"))
        try:
            completed = self.ctx.processes.run(command(*argv), self.ctx.stopping)
        except RunFailed as error:
            raise RunFailed(f"{error}; logs are rotated by logrotate: apt install logrotate") from error
        if completed.stopped:
            self.ctx.checkpoint()
        return completed

    def rotate(self) -> tuple[list[Before], list[tuple[str, Generation]]]:
        """Have the logs rotated that are large enough, and prove it; return them, and what was deleted for them.

        When the run was killed amid that, those are counted that it was about to rotate then.
        """
        copied = self.options.method == "copytruncate"
        befores = self._begun()
        for one in befores or []:
            if not copied and not problem(one, copied=False, created=False):
                create_missing(one)
        jobs = self.jobs(digest=True)
        if befores is not None:
            left = {one.path for one in befores if problem(one, copied=copied, created=False)}
            jobs = [job for job in jobs if job.around.log.path in left]
        else:
            befores = [job.around.log for job in jobs]
            self.ctx.memory.remember(
                _MEMORY, {"run": self.ctx.run, "logs": [msgspec.to_builtins(one) for one in befores]}
            )
        if jobs:
            self.checked(jobs, write=True)
            completed = self._logrotate("-v", "-s", self._file("logrotate.state"))
            wrong = complaints(completed.output)
            if completed.code or wrong:
                raise RunFailed(f"logrotate failed: {visible('; '.join(wrong[:5])) or _said(completed)}")
        failed = {one.path: why for one in befores if (why := problem(one, copied=copied, created=True))}
        if failed:
            told = "; ".join(f"{path}: {why}" for path, why in list(failed.items())[:5])
            raise RunFailed(f"{len(failed):,} of {len(befores):,} logs were not rotated: {told}")
        return befores, list(_gone(jobs))

    def _await_free_names(self, jobs: Sequence[Job]) -> None:
        """Wait for the next second where there is an older log of this one: names differ in seconds."""
        taken = {stem(one.name)[0][-10:] for job in jobs for one in job.around.generations}
        while str(int(now := self.ctx.clock.now().timestamp())) in taken:
            self.ctx.checkpoint()
            self.ctx.clock.sleep(1.0 - now % 1)

    def _begun(self) -> list[Before] | None:
        """Return the logs that this run was about to rotate before it was killed, None if it had not come to that."""
        known: Any = self.ctx.memory.recall(_MEMORY)
        if not isinstance(known, dict) or known["run"] != self.ctx.run:
            return None
        return [msgspec.convert(one, Before) for one in known["logs"]]

    def settled(self) -> str:
        """Wait until nobody has a renamed log open to write to it; return `none`.

        Where other processes may not be looked at, it is `unknown` once the log has not grown for a while.

        Raises RunFailed when somebody still does after the patience that the options have.
        """
        befores = self._begun() or []
        files = {(one.device, one.inode) for one in befores}
        if not files or self.options.method == "copytruncate":
            return "none"
        began, was = self.ctx.clock.monotonic(), sizes(befores)
        while True:
            writers, complete = writers_of(files)
            if not writers and complete:
                return "none"
            waited = self.ctx.clock.monotonic() - began
            grew = sorted(path for path, size in sizes(befores).items() if size > was.get(path, size))
            if not writers and not grew and waited >= min(_WATCHED, self.options.patience):
                return "unknown"
            if waited >= self.options.patience:
                who = f"{', '.join(writers[:5])} still write" if writers else f"somebody still writes ({grew[0]})"
                raise RunFailed(
                    f"{who} to a log that was renamed: have it opened anew by `after`, or choose `method: copytruncate`"
                )
            self.ctx.checkpoint()
            self.ctx.clock.sleep(_LOOK_EVERY)
            was = sizes(befores) if grew and not writers and waited < self.options.patience / 2 else was

    def require(self, jobs: Sequence[Job]) -> None:
        """Raise Refused when these logs must not be rotated."""
        refusal = self.refusal(jobs)
        if refusal is not None:
            raise Refused(*refusal)


def _gone(jobs: Sequence[Job]) -> Iterator[tuple[str, Generation]]:
    """Yield what was deleted, by the directory that it was in."""
    for job in jobs:
        directory = job.around.log.path.rpartition("/")[0]
        for one in job.outlived:
            if not os.path.lexists(f"{directory}/{one.name}"):
                yield directory, one


def _su(seen: Around) -> str:
    """Return whom logrotate has to act as in a directory that is not root's alone, "" for root.

    Raises Refused for a directory that everybody may write to: whoever does decides what is rotated there.
    """
    if seen.directory_mode & 0o002:
        raise Refused(
            Reason.UNSAFE_DIRECTORY,
            f"everybody may write to the directory of {seen.log.path}, so anybody could have root rename and create "
            "files there: logrotate refuses that, and so do we; `chmod o-w` it",
        )
    theirs = seen.directory_uid != 0 or (seen.directory_mode & 0o020 and seen.directory_gid != 0)
    if os.geteuid() != 0 or not theirs:
        return ""
    try:
        return f"{pwd.getpwuid(seen.directory_uid).pw_name} {grp.getgrgid(seen.directory_gid).gr_name}"
    except KeyError as error:
        raise RunFailed(f"the directory of {seen.log.path} belongs to a user or group without a name") from error


def _creating(create: Mapping[str, Any] | None) -> str:
    if create is None:
        return ""
    return " ".join(str(create[name]) for name in ("mode", "user", "group") if create[name] is not None)


def _compressing(how: str) -> tuple[str, str]:
    if how == "none":
        return "", ""
    program = shutil.which(how, path=os.environ.get("PATH", PATH))
    if program is None:
        raise RunFailed(f"{how} is not installed: install it, or choose another `compress`")
    return program, _ENDINGS[how]


def _named(path: str, depth: int = 0) -> Iterator[tuple[str, str]]:
    """Yield what a configuration of logrotate and those that it includes name: the place, and the pattern."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            text = file.read(1 << 20)
    except IsADirectoryError:
        for name in sorted(os.listdir(path)):
            yield from _named(os.path.join(path, name), depth + 1)
        return
    except OSError:
        return
    for number, pattern in named_in(text):
        if pattern.startswith("include ") and depth < 8:
            yield from _named(pattern.removeprefix("include "), depth + 1)
        else:
            yield f"{path}:{number}", pattern


def _said(completed: Completed) -> str:
    return visible(" ".join(completed.output.split())[-300:]) or f"exit code {completed.code}"
