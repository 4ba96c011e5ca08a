"""Rotate logs by logrotate, with a configuration that is made for the run and looked at first, or by ourselves.

We rotate where logrotate is not installed, and logs that it does not: in a directory that everybody may write to, with
a name that cannot stand in its configuration, or of an owner without a name. Names of generations are the same.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from agent.actions.logs import _box
from agent.actions.logs._rotation import Rotation, engines_of
from agent.errors import Refused, RunFailed
from agent.host.following.unpacking import command
from agent.host.output import visible
from agent.model.actions import Action, Explain, Judgement, OnInterrupt, Outcome, Preview, Step
from agent.model.reasons import Reason
from agent.ports import Context

_STAYS = "what was written since is in the new log, so the old one cannot take its place again"


class Options(Struct, frozen=True, kw_only=True):
    """Names and types; defaults and limits are in the schema. Durations are seconds, sizes bytes."""

    paths: Sequence[str]
    engine: str
    method: str
    min_size: int
    keep: int
    max_age: float | None
    compress: str
    create: Mapping[str, Any] | None
    after: Sequence[str] | None
    after_timeout: float
    services: bool
    patience: float
    missing: str


def plan(options: Options, ctx: Context) -> Iterator[Step]:
    """Given valid options, yield a step that checks, one that rotates, one that tells the writers, and a proof."""
    rotation = Rotation(options, ctx)
    yield Step(
        name="check",
        do=lambda: _check(rotation),
        preview=lambda _explain: _preview_check(rotation),
        irreversible="it touches no log",
    )
    yield Step(
        name="rotate",
        do=lambda: _rotate(rotation, ctx),
        preview=lambda explain: _preview_rotate(rotation, explain),
        irreversible=_STAYS,
    )
    if options.after is not None:
        after = options.after
        yield Step(
            name="after",
            do=lambda: _after(after, options.after_timeout, ctx),
            preview=lambda _explain: Preview(f"run {visible(' '.join(after))}"),
            irreversible="only the policy's author knows how to take a command back",
        )
    yield Step(
        name="verify",
        do=lambda: _verify(rotation),
        preview=lambda _explain: Preview(
            "fail the run if anybody still writes to a log that was renamed, or something was not dealt with"
        ),
        irreversible="it touches nothing",
    )


def _check(rotation: Rotation) -> Outcome:
    jobs = rotation.jobs()
    rotation.require(jobs)
    rotation.checked(jobs)
    if not jobs:
        return Outcome({"logs": 0}, skipped=Reason.NOTHING_TO_DO)
    engine, why = engines_of(jobs)
    return Outcome({"logs": len(jobs), "engine": engine, "why": why})


def _preview_check(rotation: Rotation) -> Preview:
    try:
        jobs = rotation.jobs()
    except Refused as error:
        return Preview(f"refuse the run: {error}", {"refused": error.reason}, error.reason)
    except RunFailed as error:
        return Preview(f"fail: {error}", {}, "cannot be looked at")
    refusal = rotation.refusal(jobs)
    if refusal is not None:
        return Preview(f"refuse the run: {refusal[1]}", {"refused": str(refusal[0])}, str(refusal[0]))
    if not jobs:
        return Preview("0 logs are to be rotated", {"logs": 0})
    engine, why = engines_of(jobs)
    text = f"{len(jobs):,} logs are to be rotated, within all limits: {why}"
    return Preview(text, {"logs": len(jobs), "engine": engine, "why": why}, engine)


def _preview_rotate(rotation: Rotation, explain: Explain) -> Preview:
    try:
        jobs = rotation.jobs()
    except (Refused, RunFailed) as error:
        return Preview(str(error), {"rotate": 0}, "cannot be looked at")
    mark = []
    for job in jobs:
        directory = job.path.rpartition("/")[0]
        gone = {one.name for one in job.outlived}
        for one in job.around.generations:
            reason = Reason.OVER_COUNT if one.name in gone else Reason.AMONG_LATEST
            explain(Judgement(os.fsencode(f"{directory}/{one.name}"), one.name in gone, reason))
        mark.append(f"{job.path} {job.around.log.inode} {' '.join(sorted(gone))}")
    size = sum(job.around.log.size for job in jobs)
    facts = {
        "rotate": len(jobs),
        "rotate_bytes": size,
        "delete": sum(len(job.outlived) for job in jobs),
        "delete_bytes": sum(one.bytes for job in jobs for one in job.outlived),
    }
    text = f"rotate {len(jobs):,} logs ({size:,} bytes) and delete {facts['delete']:,} older ones"
    return Preview(text, facts, "\n".join(mark))


def _rotate(rotation: Rotation, ctx: Context) -> Outcome:
    rotated, gone = rotation.rotate()
    for directory, one in gone:
        ctx.objects.record(os.fsencode(directory), [os.fsencode(one.name)], Reason.OVER_COUNT)
    facts = {
        "rotated": len(rotated),
        "rotated_bytes": sum(one.size for one in rotated),
        "deleted": len(gone),
        "deleted_bytes": sum(one.bytes for _, one in gone),
    }
    return Outcome(facts, {Reason.OVER_COUNT: len(gone)} if gone else {})


def _verify(rotation: Rotation) -> Outcome:
    settled = rotation.settled()
    rotation.fail_if_any()
    return Outcome({"old_writers": settled})


def _after(argv: Sequence[str], timeout: float, ctx: Context) -> Outcome:
    completed = ctx.processes.run(command(*argv, timeout=timeout), ctx.stopping)
    if completed.stopped:
        ctx.checkpoint()
    if completed.code or completed.timed_out:
        end = f"took longer than {timeout:g} s" if completed.timed_out else f"ended with {completed.code}"
        raise RunFailed(f"the logs are rotated, and `after` {end}: {visible(completed.output.strip()[-500:])}")
    return Outcome({"seconds": round(completed.seconds, 3)}, output=completed.output)


ACTION = Action(
    summary="Rotates logs, keeps so many of them, and proves that nothing was lost",
    options=Options,
    plan=plan,
    on_interrupt=lambda _options: OnInterrupt.RESUME,
    box=_box.rotate,
)
