"""Delete files that a rule no longer wants kept, and say why each is kept or deleted."""

from __future__ import annotations

import hashlib
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from agent.host.tree import Kernel, Walk, open_root, remove_file
from agent.model.actions import Action, Explain, Judgement, OnInterrupt, Outcome, Preview, Step
from agent.model.reasons import Reason
from agent.ports import Context
from agent.rules.patterns import Patterns


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Names and types; defaults and limits are in the schema. Durations are seconds."""

    paths: Sequence[str]
    match: Sequence[str]
    exclude: Sequence[str]
    max_age: float | None


def plan(options: Options, ctx: Context) -> Iterator[Step]:
    """Given valid options, yield one step per configured path."""
    for path in options.paths:
        yield Step(
            name=f"retain:{path}",
            do=partial(_do, options, ctx, path),
            preview=partial(_preview, options, ctx, path),
            irreversible="deleted files cannot be brought back",
        )


@dataclass(slots=True)
class _Seen:
    directory: bytes
    fd: int
    name: str
    size: int
    inode: int
    mtime: int
    reason: Reason
    deleted: bool


def _judged(options: Options, ctx: Context, path: str) -> Iterable[_Seen]:
    root = open_root(path, Kernel())
    match, exclude = Patterns(options.match), Patterns(options.exclude)
    oldest = int((ctx.now.timestamp() - (options.max_age or float("inf"))) * 1e9) if options.max_age else None
    try:
        walk = Walk(root, cross_mounts=False, max_depth=None, report=lambda _path, _reason, _text: None)
        for directory, entering in walk:
            if not entering:
                continue
            ctx.checkpoint()
            relative = directory.relative()
            where = walk.path(directory)
            matches, excluded = match.within(relative), exclude.within(relative)
            for entry in directory.entries():
                about = entry.stat(follow_symlinks=False)
                if not stat.S_ISREG(about.st_mode):
                    reason = Reason.NOT_A_REGULAR_FILE
                elif not matches(entry.name):
                    reason = Reason.NOT_MATCHED
                elif excluded(entry.name):
                    reason = Reason.EXCLUDED
                elif oldest is not None and about.st_mtime_ns < oldest:
                    reason = Reason.TOO_OLD
                else:
                    reason = Reason.YOUNG_ENOUGH
                yield _Seen(
                    where,
                    directory.fd,
                    entry.name,
                    about.st_size,
                    about.st_ino,
                    about.st_mtime_ns,
                    reason,
                    reason is Reason.TOO_OLD,
                )
    finally:
        root.close()


def _preview(options: Options, ctx: Context, path: str, explain: Explain) -> Preview:
    counts: Counter[Reason] = Counter()
    size = mark = 0
    for seen in _judged(options, ctx, path):
        target = seen.directory + b"/" + seen.name.encode(errors="surrogateescape")
        explain(Judgement(target, seen.deleted, seen.reason))
        counts[seen.reason] += 1
        if seen.deleted:
            size += seen.size
            about = b"%s\0%d %d %d" % (target, seen.inode, seen.mtime, seen.size)
            mark ^= int.from_bytes(hashlib.blake2b(about, digest_size=16).digest())
    deleted = counts[Reason.TOO_OLD]
    return Preview(
        f"delete {deleted} files, {size} bytes, below {path}",
        {"delete": deleted, "delete_bytes": size, "keep": sum(counts.values()) - deleted},
        f"{mark:032x}",
    )


def _do(options: Options, ctx: Context, path: str) -> Outcome:
    counts: Counter[Reason] = Counter()
    size = 0
    for seen in _judged(options, ctx, path):
        counts[seen.reason] += 1
        if seen.deleted:
            remove_file(seen.name, seen.fd)
            size += seen.size
            ctx.objects.record(seen.directory, [seen.name.encode(errors="surrogateescape")], seen.reason)
    return Outcome({"deleted": counts[Reason.TOO_OLD], "deleted_bytes": size}, counts)


ACTION = Action(
    summary="Deletes files by age",
    options=Options,
    plan=plan,
    on_interrupt=lambda _options: OnInterrupt.RESUME,
)
