"""Which file system a path lies on, and whether its changes reach inotify."""

from __future__ import annotations

import os

_SHARED = {
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "9p",
    "virtiofs",
    "ceph",
    "afs",
    "glusterfs",
    "lustre",
    "gpfs",
    "ocfs2",
    "gfs2",
    "vboxsf",
}


def shared_filesystem(path: str, mountinfo: str = "/proc/self/mountinfo") -> str:
    """Given a path, return the type of its file system when others may change it unseen by this kernel, else ""."""
    while not os.path.exists(path):
        path = os.path.dirname(path)
    try:
        device = os.stat(path).st_dev
        with open(mountinfo, encoding="utf-8", errors="surrogateescape") as file:
            lines = file.readlines()
    except OSError:
        return ""
    wanted = f"{os.major(device)}:{os.minor(device)}"
    for line in lines:
        head, _, tail = line.partition(" - ")
        if head.split(" ", 3)[2] == wanted:
            kind = tail.split(" ", 1)[0]
            return kind if kind in _SHARED or kind.startswith("fuse") else ""
    return ""
