"""Files that changed while restic read them, which it does not notice.

A snapshot has of each file the instant of its last change as it was before restic read it. restic tells of each file as
soon as it has read it, and whoever hears that looks at once: where the instant is still the same, nothing has happened
meanwhile. This is what GNU tar compares as well, as finely as the file system keeps its instants.
"""

from __future__ import annotations

import calendar
import os
import re
from collections.abc import Callable, Collection, Iterator
from datetime import datetime

import msgspec
from msgspec import Struct

from agent.drivers.repositories.restic import tree
from agent.drivers.repositories.restic.engine import Engine
from agent.drivers.repositories.restic.tree import Node
from agent.host.output import visible
from agent.host.watch.filesystems import shared_filesystem
from agent.ports import Clock

_SECOND = 10**9
_LAG = 2 * _SECOND
"""Nanoseconds that the times of files may lag behind: some file systems keep whole or even seconds alone."""

_OBJECT = b'{"message_type":"verbose_status"'
_READ = ("new", "modified")
_FRACTION = re.compile(r"\.(\d+)")
_FEW = 64
"""So many directories are listed one by one; beyond that all of the snapshot is."""

Stamp = tuple[int, int]
"""When a file was last changed, in nanoseconds, and its size."""


class _Event(Struct):
    action: str = ""
    item: str = ""


_EVENT = msgspec.json.Decoder(_Event)


class Watch:
    """Hears of the files that restic has read, and looks at each at once.

    `mark` is a file of this host that was written when the backup began; what changed before is of no interest, and
    neither is what lies below `ours`. `shared` tells of a path whether another host's clock may date what is there, and
    then all is of interest. `heard` counts the files, `touched` has those that may have changed since, as they were
    when their reading had just ended, None where they were gone. `strange` is that some names are not told as they are.
    """

    def __init__(self, clock: Clock, mark: str, ours: str, shared: Callable[[str], str] = shared_filesystem) -> None:
        self._clock = clock
        self._mark = os.lstat(mark).st_ctime_ns - _LAG
        self._ours = f"{ours}/".encode()
        self._ask = shared
        self._shared: dict[int, bool] = {}
        self._offset = self._now()
        self._back = 0.0
        self.heard = 0
        self.touched: dict[bytes, Stamp | None] = {}
        self.strange = False

    def hear(self, line: bytes) -> bool:
        """Given a line of restic's output, return whether it tells of an object."""
        if not line.startswith(_OBJECT):
            return False
        try:
            event = _EVENT.decode(line)
        except msgspec.MsgspecError:
            return True
        if event.action in _READ and not event.item.endswith("/"):
            self.heard += 1
            self._look(event.item)
        return True

    def _look(self, item: str) -> None:
        path = item.encode()
        if path.startswith(self._ours):
            return
        if tree.REPLACED in item:
            self.strange = True
            return
        try:
            about = os.lstat(path)
        except OSError:
            self.touched[path] = None
            return
        if about.st_ctime_ns >= self._since() or self._is_shared(path, about.st_dev):
            self.touched[path] = _stamp(about)

    def _since(self) -> int:
        """Return when the backup began as the clock of the files tells it, which may have been set back meanwhile."""
        self._back = min(self._back, self._now() - self._offset)
        return self._mark + int(self._back * _SECOND)

    def _now(self) -> float:
        return self._clock.seconds() - self._clock.monotonic()

    def _is_shared(self, path: bytes, device: int) -> bool:
        """Tell whether a file is on a file system whose instants may be those of another host's clock."""
        if device not in self._shared:
            self._shared[device] = bool(self._ask(os.fsdecode(path)))
        return self._shared[device]


def changed(engine: Engine, snapshot: str, watch: Watch) -> Iterator[str]:
    """Given a snapshot and what was heard while it was made, yield a flaw for each file of which it may not have what
    was there at any one instant. Raises Damaged, RunFailed."""
    kept = _kept(engine, snapshot, watch.touched) if watch.touched else {}
    looked = dict(watch.touched)
    if watch.strange:
        strange = dict(_strange(engine, snapshot))
        kept |= strange
        looked |= {path: _seen(path) for path in strange}
    for path, stamp in sorted(looked.items()):
        name = visible(os.fsdecode(path))
        if stamp is None:
            yield f"{name} went away while it was read"
        elif kept.get(path) != stamp:
            yield f"{name} changed while it was read"


def _kept(engine: Engine, snapshot: str, paths: Collection[bytes]) -> dict[bytes, Stamp]:
    """Return what a snapshot has of some files whose names are told as they are."""
    directories = sorted({os.fsdecode(os.path.dirname(path)) for path in paths})
    found: dict[bytes, Stamp] = {}

    def hear(line: bytes) -> None:
        node = msgspec.json.decode(line, type=Node)
        if node.type == "file" and (path := node.path.encode()) in paths:
            found[path] = told(node)

    few = directories if len(directories) <= _FEW else ()
    engine.must("ls", "--json", "--no-lock", snapshot, *few, hear=hear)
    return found


def _strange(engine: Engine, snapshot: str) -> Iterator[tuple[bytes, Stamp]]:
    """Yield the files of a snapshot whose names restic's JSON does not tell as they are."""
    with tree.nodes(engine, snapshot) as found:
        for path, node in found():
            if node.type == "file" and tree.REPLACED in node.path:
                yield path, told(node)


def _seen(path: bytes) -> Stamp | None:
    try:
        return _stamp(os.lstat(path))
    except OSError:
        return None


def _stamp(about: os.stat_result) -> Stamp:
    return about.st_ctime_ns, about.st_size


def told(node: Node) -> Stamp:
    """Return the stamp of a node of a snapshot; one that tells no instant has that of no file."""
    if not node.ctime:
        return -1, node.size
    second = calendar.timegm(datetime.fromisoformat(node.ctime).utctimetuple())
    fraction = _FRACTION.search(node.ctime)
    return second * _SECOND + (int(fraction[1].ljust(9, "0")) if fraction else 0), node.size
