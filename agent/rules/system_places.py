"""Directories that belong to the system itself, so that nobody empties one by a slip (FHS 3.0, chapters 3, 4 and 5)."""

from __future__ import annotations

_TOP = "bin boot dev etc home lib lib32 lib64 libx32 media mnt opt proc root run sbin srv sys usr var"
_USR = "bin games include lib lib32 lib64 libexec libx32 local sbin share src"
_VAR = "lib opt spool"
SYSTEM_PLACES = frozenset(
    ["/", *(f"/{name}" for name in _TOP.split())]
    + [f"/usr/{name}" for name in _USR.split()]
    + [f"/var/{name}" for name in _VAR.split()]
)
"""Everything below one of these is of many owners: no rule by age, count or size alone is right for all of it."""


def is_system_place(path: str) -> bool:
    """Given an absolute path without links, tell whether it is one of the system's own directories."""
    return ("/" + path.strip("/")) in SYSTEM_PLACES
