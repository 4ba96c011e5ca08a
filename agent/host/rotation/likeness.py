"""Owner, mode, access lists and other attributes of one file for another."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress

from msgspec import Struct

_ACCESS = "system.posix_acl_access"
_OF_THE_CONTENT = ("security.capability", "security.evm", "security.ima", "trusted.")
"""What the kernel keeps about the content of a file, or only root may copy."""

_NONE = frozenset({errno.EOPNOTSUPP, errno.ENODATA})


class Creation(Struct, frozen=True):
    """Mode, user and group that a new log gets in the place of those of the old one, by number."""

    mode: int
    user: int
    group: int


def liken(descriptor: int, model: int, creation: Creation | None = None) -> None:
    """Give an open file the owner, mode, access list and attributes of another; raises OSError.

    With `creation` owner and mode are those, and there is no access list.
    """
    about = os.fstat(model)
    wanted = creation or Creation(stat.S_IMODE(about.st_mode), about.st_uid, about.st_gid)
    mine = os.fstat(descriptor)
    owner = -1 if mine.st_uid == wanted.user else wanted.user
    group = -1 if mine.st_gid == wanted.group else wanted.group
    if (owner, group) != (-1, -1):
        os.fchown(descriptor, owner, group)
    with suppress(OSError):
        # A directory gives what is made in it an access list that the old file need not have.
        os.removexattr(descriptor, _ACCESS)
    os.fchmod(descriptor, wanted.mode)
    for name in _attributes(model):
        if not name.startswith(_OF_THE_CONTENT) and (creation is None or name != _ACCESS):
            _copied(descriptor, model, name)


def _attributes(model: int) -> list[str]:
    try:
        return os.listxattr(model)
    except OSError as error:
        if error.errno in _NONE:
            return []
        raise


def _copied(descriptor: int, model: int, name: str) -> None:
    try:
        os.setxattr(descriptor, name, os.getxattr(model, name))
    except OSError as error:
        # A label of security comes from the kernel's own rules where nobody may set it.
        if error.errno not in _NONE and not name.startswith("security."):
            raise
