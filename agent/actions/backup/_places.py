"""Where a restore puts things before they are live, and how they change places with what is."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

import msgspec
from msgspec import Struct

from agent.errors import RunFailed
from agent.host.durable import replace, sync_directory
from agent.host.neighbours import directory
from agent.host.scratch import disinherit, make_private, remove_whole
from agent.host.tree import Kernel, UnsafePath, open_root
from agent.host.tree.exchange import Identity, exchange, identity, mounts_below, move, sync_file_system

NEW, REPLACED = "new", "replaced"
"""In a staging directory: where things are brought back to, and where what they replaced is kept."""

_STATE = "state"
_ASIDE = ".hostkeeper-aside"
_OF_MOUNT = "lost+found"
"""What belongs to a file system and not to its files."""


class Stage(Struct, frozen=True):
    """A private directory on the file system of what is to be replaced, and the paths that go through it."""

    directory: str
    paths: tuple[str, ...]

    @property
    def new(self) -> str:
        """The directory that things are brought back below."""
        return os.path.join(self.directory, NEW)

    @property
    def replaced(self) -> str:
        """Where what was replaced is kept."""
        return os.path.join(self.directory, REPLACED)


class Pair(Struct, frozen=True):
    """One name in a live directory and in a staged one. `old` and `new` are what was at each before the swap."""

    live: str
    staged: str
    name: str
    old: Identity | None
    new: Identity | None


def stages(paths: Sequence[str], mark: str) -> tuple[Stage, ...]:
    """Given paths to be replaced and the mark of a run, return where each is staged. Raises RunFailed and UnsafePath.

    A staging directory is in the nearest directory on the path's file system that root alone controls.
    """
    found: dict[str, list[str]] = {}
    for path in paths:
        found.setdefault(os.path.join(_anchor(path), f".hostkeeper-restore-{mark}"), []).append(path)
    return tuple(Stage(directory, tuple(mine)) for directory, mine in found.items())


def _anchor(path: str) -> str:
    """Return the nearest directory at or above what holds a path, on its file system, that root alone controls."""
    here = path if is_mount(path) else existing(os.path.dirname(path))
    device = os.lstat(here).st_dev
    while True:
        if is_roots(here):
            return here
        above = os.path.dirname(here)
        if is_mount(here) or os.lstat(above).st_dev != device:
            raise RunFailed(
                f"{path} cannot be replaced: no directory on its file system is root's alone, where things could be "
                "brought back to first; restore to a directory and move them yourself"
            )
        here = above


def is_mount(path: str) -> bool:
    """Tell whether a file system is mounted at a path, a part of another one included."""
    real = os.path.realpath(path)
    return real in mounts_below(real)


def existing(path: str) -> str:
    """Return the path itself, or the nearest above it that there is."""
    while not os.path.lexists(path):
        path = os.path.dirname(path)
    return path


def is_roots(path: str) -> bool:
    """Tell whether only this user and root decide what is in a directory, and where its path leads."""
    try:
        root = open_root(path, Kernel())
    except (UnsafePath, OSError):
        return False
    about = os.fstat(root.fd)
    root.close()
    others = about.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return about.st_uid in (0, os.geteuid()) and (not others or bool(about.st_mode & stat.S_ISVTX))


def require_replaceable(path: str) -> None:
    """Raise RunFailed or UnsafePath when a path cannot be replaced by another object in one step."""
    real = os.path.realpath(path)
    below = [place for place in mounts_below(real) if place != real]
    if below:
        raise RunFailed(f"{path} has other file systems below it ({', '.join(below)}): restore to a directory instead")
    where = path if is_mount(path) else existing(os.path.dirname(path))
    open_root(where, Kernel()).close()


def require_closed(path: str) -> None:
    """Raise RunFailed while somebody has a live database open, who would go on with what is replaced."""
    if not os.path.lexists(path):
        return
    with directory(os.path.dirname(path)) as folder:
        holders = folder.holders(os.path.basename(path))
    if holders:
        raise RunFailed(
            f"{path} is open in {', '.join(holders[:5])}: stop that first (the agent: systemctl stop hostkeeper)"
        )


def prepare(stage: Stage) -> None:
    """Make an empty staging directory, whatever an interrupted run has left in it. Raises RunFailed after a swap."""
    if os.path.lexists(stage.replaced) or any(is_swapped([pair]) == [] for pair in sealed(stage)):
        raise RunFailed(f"{stage.directory} holds what was replaced: look at it, and remove it if it is not wanted")
    remove_whole(stage.directory)
    make_private(stage.directory)
    disinherit(stage.directory)
    os.mkdir(stage.new, 0o700)


def seal(stage: Stage, pairs: Sequence[Pair]) -> None:
    """Remember what is to change places, once everything that was brought back has reached the disk."""
    descriptor = os.open(stage.directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        sync_file_system(descriptor)
    finally:
        os.close(descriptor)
    replace(os.path.join(stage.directory, _STATE), json.dumps(msgspec.to_builtins(pairs)).encode())


def sealed(stage: Stage) -> tuple[Pair, ...]:
    """Return what `seal` remembered, nothing where it did not come to that."""
    try:
        with open(os.path.join(stage.directory, _STATE), "rb") as file:
            # A name may be no UTF-8, which msgspec's own encoder refuses.
            return msgspec.convert(json.loads(file.read()), tuple[Pair, ...])
    except FileNotFoundError:
        return ()


def pairs(stage: Stage) -> tuple[Pair, ...]:
    """Given a stage with everything brought back, return what is to change places with what."""
    found: dict[tuple[str, str], Pair] = {}
    for path in stage.paths:
        for live, name in _names(stage, path):
            staged = stage.new + live.rstrip("/")
            with _open(live) as here, _open(staged, ours=True) as there:
                pair = Pair(live, staged, name, identity(here, name), identity(there, name))
            found[live, name] = pair
    return tuple(found.values())


def _names(stage: Stage, path: str) -> Iterator[tuple[str, str]]:
    """Yield the directory and the name of all that changes places for a path.

    Where nothing is at the directory above it either, that directory itself is put there; a mount stays, and what is
    in it changes places.
    """
    staged = stage.new + path
    if is_mount(path):
        brought = set(os.listdir(staged))
        there = set(os.listdir(path)) - {os.path.basename(stage.directory), _OF_MOUNT}
        yield from ((path, name) for name in sorted(brought | there))
        return
    above = existing(os.path.dirname(path))
    first, *between = os.path.relpath(path, above).split("/")
    for number in range(len(between)):
        # Directories on the way that nobody backed up, and that are not there any more.
        os.chmod(os.path.join(stage.new + above, first, *between[:number]), 0o755)  # noqa: S103 - as mkdir makes them
    yield above, first


def pairs_into(stage: Stage, directory: str) -> tuple[Pair, ...]:
    """Given a stage with everything brought back, return what is to be put into an empty directory."""
    with _open(stage.new, ours=True) as there:
        return tuple(
            Pair(directory, stage.new, name, None, identity(there, name)) for name in sorted(os.listdir(stage.new))
        )


Exchange = Callable[[int, str, int, str], bool]
"""Lets two objects change places in one instant, or says that the file system cannot."""


def swap(pairs: Iterable[Pair], at_once: Exchange = exchange) -> None:
    """Let each pair change places; those that have are left alone. Raises RunFailed when the live one is another."""
    for pair in pairs:
        with _open(pair.live) as live, _open(pair.staged, ours=True) as staged:
            _swap(pair, live, staged, pair.old, pair.new, at_once)


def swap_back(pairs: Sequence[Pair], at_once: Exchange = exchange) -> None:
    """Undo `swap`, also half of one."""
    for pair in reversed(pairs):
        with _open(pair.live) as live, _open(pair.staged, ours=True) as staged:
            _swap(pair, live, staged, pair.new, pair.old, at_once)


def is_swapped(pairs: Iterable[Pair]) -> list[str]:
    """Return the paths at which what was brought back is not, or not any more."""
    wrong = []
    for pair in pairs:
        with _open(pair.live) as live:
            if identity(live, pair.name) != pair.new:
                wrong.append(os.path.join(pair.live, pair.name))
    return wrong


def _swap(
    pair: Pair, live: int, staged: int, before: Identity | None, after: Identity | None, at_once: Exchange
) -> None:
    """Bring about that `after` is live and `before` staged, from whatever half of it there is."""
    name, aside = pair.name, f"{_ASIDE}-{pair.name}"[:200]

    def hidden(wanted: Identity | None) -> str | None:
        return next((at for at in (name, aside) if wanted is not None and identity(staged, at) == wanted), None)

    there = identity(live, name)
    if after is None and hidden(before) is not None and there is not None:
        # It has been put aside, and what somebody has made at its name since is not ours.
        return
    whole = there == after or hidden(after) is not None or after is None
    if there not in (before, after, None) or not whole or (there is None and before and hidden(before) is None):
        where = os.path.join(pair.live, name)
        raise RunFailed(f"{where} is not what it was when this run looked at it: look what has replaced it")
    if there != after:
        if there is not None and not (hidden(after) == name and at_once(live, name, staged, name)):
            move(live, name, staged, aside if hidden(after) == name else name)
        if (waiting := hidden(after)) is not None:
            move(staged, waiting, live, name)
    if hidden(before) == aside:
        move(staged, aside, staged, name)
    os.fsync(staged)
    os.fsync(live)


@contextmanager
def _open(path: str, *, ours: bool = False) -> Iterator[int]:
    """Open a directory: one of ours as it is, a live one as far as nobody else decides where it leads."""
    if ours:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    else:
        descriptor = open_root(path, Kernel()).fd
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def settle(stage: Stage, *, keep: bool) -> str:
    """After the swap: keep what was replaced, or remove it; return where it is kept, "" for nowhere.

    From here on the swap cannot be undone.
    """
    replaced = keep and any(pair.old is not None for pair in sealed(stage))
    if os.path.isdir(stage.new):
        os.rename(stage.new, stage.replaced)
        sync_directory(stage.directory)
    if not replaced and not _kept_before(stage, keep=keep):
        remove_whole(stage.directory)
        return ""
    remove_whole(os.path.join(stage.directory, _STATE))
    return stage.replaced


def _kept_before(stage: Stage, *, keep: bool) -> bool:
    """Tell whether an interrupted run has settled that what was replaced is kept."""
    return keep and os.path.isdir(stage.replaced) and not os.path.lexists(os.path.join(stage.directory, _STATE))
