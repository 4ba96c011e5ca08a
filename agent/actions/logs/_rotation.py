"""Rotation: looking, choosing the engine, refusing, having it done, and proving it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from agent.actions.logs._engine import Engine, Hindrance, Job, Setup
from agent.actions.logs._logrotate import Logrotate
from agent.actions.logs._own import Own
from agent.actions.logs._rotated import Around, Before, around, create_missing, found, problem, sizes
from agent.errors import Refused, RunFailed
from agent.host.writers import writers_of
from agent.model.reasons import Reason
from agent.ports import Context
from agent.rules.generations import stem
from agent.rules.rotating import Generation, dated, named_in, names
from agent.rules.safeguards import Refusal, Selection, beyond_limits

SYSTEM = "/etc/logrotate.conf"
_MEMORY = "rotation"
_LOOK_EVERY = 0.2
_WATCHED = 2.0
"""For so many seconds a renamed log is watched where the processes that have it open may not be looked at."""

_BY = {"logrotate": "by logrotate", "own": "by the agent itself"}


class Rotation(Struct):
    """One run's rotation. `system` is the configuration of the host's own logrotate."""

    options: Any
    ctx: Context
    system: str = SYSTEM

    @property
    def engines(self) -> Mapping[str, Engine]:
        """What rotates, by name; the first one is preferred."""
        setup = Setup(self.options, self.ctx)
        return {"logrotate": Logrotate(setup), "own": Own(setup)}

    def jobs(self, *, digest: bool = False) -> list[Job]:
        """Look, and return the logs that are large enough. Raises RunFailed and Refused."""
        copied = self.options.method == "copytruncate"
        made = []
        paths = {path for one in self.options.paths for path in found(one, missing_ok=self.options.missing == "skip")}
        for path in sorted(paths):
            seen = around(path, digest=digest and copied)
            if seen is not None and seen.log.size >= max(1, self.options.min_size):
                made.append(self._job(self._without_begun(seen)))
        return made

    def _without_begun(self, seen: Around) -> Around:
        """Leave the copy out that this run was making when it was killed: it is no older generation yet."""
        known = self._known()
        name = seen.log.path.rpartition("/")[2] + known.get("stamp", "")
        left = tuple(one for one in seen.generations if one.name != name or not one.bytes)
        return replace(seen, generations=left)

    def _job(self, seen: Around) -> Job:
        """Choose the engine of a log. Raises Refused and RunFailed when none of those that may can rotate it."""
        Setup(self.options, self.ctx).compressor()
        wanted = self.options.engine
        met: list[Hindrance] = []
        for name, engine in self.engines.items():
            if wanted in ("auto", name):
                hindrance = engine.hindrance(seen)
                if hindrance is None:
                    why = "the policy says so" if wanted != "auto" else met[-1].text if met else "it is installed"
                    return Job(seen, name, why, tuple(engine.outlived(seen)))
                met.append(hindrance)
        raise met[-1].error(seen.log.path)

    def refusal(self, jobs: Sequence[Job]) -> Refusal | None:
        """Return why these logs must not be rotated, or None."""
        elsewhere = self._elsewhere([job.path for job in jobs])
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

    def checked(self, jobs: Sequence[Job]) -> None:
        """Have the engines look whether they will rotate these logs, and touch none. Raises RunFailed."""
        for name, ones in _by_engine(jobs):
            self.engines[name].check(ones)

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
            jobs = [job for job in jobs if job.path in left]
            wrong = self._rotate(jobs, resume=True)
        else:
            befores = [job.around.log for job in jobs]
            self._await_free_names(jobs)
            self._remember(
                {"stamp": dated(self.ctx.clock.now()), "logs": [msgspec.to_builtins(one) for one in befores]}
            )
            wrong = self._rotate(jobs, resume=False)
        failed = {one.path: why for one in befores if (why := problem(one, copied=copied, created=True))}
        told = [*wrong, *(f"{path}: {why}" for path, why in failed.items())]
        if failed and len(failed) == len(befores):
            raise RunFailed(f"{len(failed):,} of {len(befores):,} logs were not rotated: {'; '.join(told[:5])}")
        if told:
            self._remember({**self._known(), "wrong": told})
        return [one for one in befores if one.path not in failed], list(_gone(jobs))

    def _rotate(self, jobs: Sequence[Job], *, resume: bool) -> list[str]:
        """Have each engine rotate its logs, and return what went wrong: that keeps nobody from the others."""
        stamp = self._known().get("stamp") or dated(self.ctx.clock.now())
        wrong: list[str] = []
        for name, ones in _by_engine(jobs):
            if name == "logrotate":
                # It names generations by the second in which it comes to them.
                self._await_free_names(ones)
            try:
                wrong += self.engines[name].rotate(ones, stamp, resume=resume)
            except RunFailed as error:
                wrong.append(str(error))
        return wrong

    def fail_if_any(self) -> None:
        """Raise RunFailed when something went wrong that did not keep the run from going on."""
        wrong = self._known().get("wrong", [])
        if wrong:
            raise RunFailed(f"what could be is rotated, and this was not dealt with: {'; '.join(wrong[:5])}")

    def _await_free_names(self, jobs: Sequence[Job]) -> None:
        """Wait for the next second where there is an older log of this one: names differ in seconds."""
        taken = {stem(one.name)[0][-10:] for job in jobs for one in job.around.generations}
        while str(int(now := self.ctx.clock.now().timestamp())) in taken:
            self.ctx.checkpoint()
            self.ctx.clock.sleep(1.0 - now % 1)

    def _begun(self) -> list[Before] | None:
        """Return the logs that this run was about to rotate before it was killed, None if it had not come to that."""
        known = self._known()
        return [msgspec.convert(one, Before) for one in known["logs"]] if known else None

    def _known(self) -> dict[str, Any]:
        """Return what this run wrote down before it touched anything, nothing if it had not come to that."""
        known: Any = self.ctx.memory.recall(_MEMORY)
        return known if isinstance(known, dict) and known["run"] == self.ctx.run else {}

    def _remember(self, known: Mapping[str, Any]) -> None:
        self.ctx.memory.remember(_MEMORY, {"run": self.ctx.run, **known})

    def settled(self) -> str:
        """Wait until nobody has a renamed log open to write to it; return `none`.

        Where other processes may not be looked at, it is `unknown` once the log has not grown for a while.

        Raises RunFailed when somebody still does after the patience that the options have.
        """
        if self.options.method == "copytruncate":
            return "none"
        befores = [one for one in self._begun() or [] if not problem(one, copied=False, created=False)]
        files = {(one.device, one.inode) for one in befores}
        if not files:
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
        directory = job.path.rpartition("/")[0]
        for one in job.outlived:
            if not os.path.lexists(f"{directory}/{one.name}"):
                yield directory, one


def engines_of(jobs: Sequence[Job]) -> tuple[str, str]:
    """Return the engines that rotate these logs, and in a few words which logs by which and why."""
    told = []
    for name, ones in _by_engine(jobs):
        reasons = sorted({job.why for job in ones})
        more = f", and {len(reasons) - 1:,} reasons more" if len(reasons) > 1 else ""
        told.append(f"{len(ones):,} {_BY[name]} ({reasons[0]}{more})")
    return "+".join(name for name, _ in _by_engine(jobs)), " and ".join(told)


def _by_engine(jobs: Sequence[Job]) -> list[tuple[str, list[Job]]]:
    ordered = sorted(jobs, key=lambda job: job.engine)
    return [(name, list(ones)) for name, ones in groupby(ordered, key=lambda job: job.engine)]


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
