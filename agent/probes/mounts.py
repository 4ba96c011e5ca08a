"""The kernel's table of mounts, and which of them are measured."""

from __future__ import annotations

import os
import select
from collections.abc import Iterable, Mapping

from msgspec import Struct

from agent.host import mountinfo

_WITHOUT_A_DEVICE = frozenset({"bcachefs", "btrfs", "devtmpfs", "overlay", "ramfs", "rootfs", "tmpfs", "ubifs", "zfs"})
"""Local file systems that may stand in the table without a block device as their source."""

_SHOWN_BY_DEFAULT = frozenset({"bcachefs", "btrfs", "ubifs", "zfs"})
"""Those of them that hold files for good; the others are measured as `/`, or when a threshold names them."""

_ALWAYS_FULL = frozenset({"cramfs", "erofs", "iso9660", "romfs", "squashfs", "udf"})

_NEVER_ASKED = frozenset({"autofs"})
"""To ask an automount point is to mount it."""


class Mount(Struct, frozen=True):
    """One mounted file system. `remote` ones, and those reached through one, may block whoever asks them."""

    name: str
    path: bytes
    device: bytes
    kind: str
    whole: bool
    remote: bool
    read_only: bool
    has_device: bool


_BY_SYSTEMD = "/run/systemd/system"


def table_of_host() -> str:
    """Return the file in which the kernel tells how the host itself has its file systems mounted.

    A unit in a sandbox has mounts of its own, on which everything is read-only; those of systemd are the host's.
    """
    told = "/proc/1/mountinfo"
    return told if os.path.isdir(_BY_SYSTEMD) and os.access(told, os.R_OK) else "/proc/self/mountinfo"


class MountTable:
    """The kernel's table of mounts, read again only when the kernel says that it has changed (proc(5))."""

    def __init__(self, path: str | None = None) -> None:
        self._path = path or table_of_host()
        self._file: int | None = None
        self._changes = select.poll()

    def read_if_changed(self) -> bytes | None:
        """Return the table, or None while it is still what was read before."""
        if self._file is None:
            self._file = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            self._changes.register(self._file, select.POLLPRI)
        elif not self._changes.poll(0):
            return None
        table = b""
        while more := os.pread(self._file, 1 << 16, len(table)):
            table += more
        return table

    def __del__(self) -> None:
        if self._file is not None:
            os.close(self._file)


def parse_mounts(table: bytes) -> list[Mount]:
    """Given the bytes of /proc/self/mountinfo, return the mounts; where one lies on another, the upper one."""
    mounts: dict[bytes, Mount] = {}
    remote_ids: set[bytes] = set()
    for line in mountinfo.rows(table):
        own_id, parent, device, root, path, options, *rest = line.split(b" ")
        kind, source, super_options = rest[rest.index(b"-") + 1 :][:3]
        kind_text = kind.decode("ascii", "replace")
        has_device = source.startswith(b"/dev/") and not kind.startswith(b"fuse")
        remote = parent in remote_ids or not (has_device or kind_text in _WITHOUT_A_DEVICE)
        if remote and kind_text not in _PSEUDO:
            remote_ids.add(own_id)
        plain = mountinfo.plain(path)
        mounts[plain] = Mount(
            name=plain.decode("utf-8", "backslashreplace"),
            path=plain,
            device=device,
            kind=kind_text,
            whole=root == b"/",
            remote=remote,
            read_only=b"ro" in options.split(b",") or b"ro" in super_options.split(b","),
            has_device=has_device,
        )
    return list(mounts.values())


def chosen(mounts: Iterable[Mount], asked: frozenset[str]) -> Mapping[str, Mount]:
    """Given all mounts and the mount points that thresholds name, return by name the mounts to measure.

    Without being named: local file systems that hold files for good, each once however often it is bound elsewhere.
    """
    result: dict[str, Mount] = {}
    seen: set[bytes] = set()
    for mount in sorted(mounts, key=lambda m: (m.name != "/", not m.whole, len(m.path), m.path)):
        if mount.kind in _NEVER_ASKED:
            continue
        by_default = not mount.remote and mount.device not in seen and _holds_files_for_good(mount)
        if by_default:
            seen.add(mount.device)
        if by_default or mount.name in asked:
            result[mount.name] = mount
    return result


def _holds_files_for_good(mount: Mount) -> bool:
    if mount.kind in _ALWAYS_FULL:
        return False
    return mount.has_device or mount.kind in _SHOWN_BY_DEFAULT or mount.name == "/"


_PSEUDO = frozenset(
    {"proc", "sysfs", "cgroup", "cgroup2", "devpts", "mqueue", "securityfs", "debugfs", "tracefs", "pstore", "bpf"}
    | {"configfs", "fusectl", "hugetlbfs", "binfmt_misc", "nsfs", "efivarfs", "selinuxfs", "rpc_pipefs"}
)
"""Kernel file systems: asked like remote ones, but what is mounted below them is not reached through another host."""
