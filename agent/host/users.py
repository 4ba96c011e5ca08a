"""Login names of this host, and what a process needs to act as one of them."""

from __future__ import annotations

import os
import pwd

from msgspec import Struct

from agent.errors import RunFailed


class Account(Struct, frozen=True):
    """A user of this host. `groups` are all group ids, the primary one included."""

    name: str
    uid: int
    gid: int
    groups: tuple[int, ...]
    home: str


def account(name: str | None) -> Account:
    """Given a login name, or None for whoever runs this process, return the account; raises RunFailed if unknown."""
    if name is None:
        try:
            name = pwd.getpwuid(os.geteuid()).pw_name
        except KeyError:
            # Containers run processes under ids that no one has named.
            uid = os.geteuid()
            return Account(str(uid), uid, os.getegid(), tuple(os.getgroups()), "/")
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        raise RunFailed(f"there is no user {name!r} on this host: create it, or name another one") from None
    return Account(name, entry.pw_uid, entry.pw_gid, tuple(os.getgrouplist(name, entry.pw_gid)), entry.pw_dir)
