"""What a run may do beyond reading files and computing, as the options of its task say."""

from __future__ import annotations

from msgspec import Struct


class Box(Struct, frozen=True, kw_only=True):
    """The box of one task. Everything that is not named here is closed.

    `writable` are absolute paths below which the run may write; `capabilities` the kernel's names of what it may do as
    root. `programs` says that it starts programs of the admin's own, `shared_tmp` that its options name the real /tmp
    or /var/tmp, `services` that it may speak to the service manager, and so to whatever that can do. `credentials`
    are the names of those that it is given. `made` are directories that are made before the run where there are none,
    since what a box has open must be there. `confined` False is no box at all.
    """

    writable: tuple[str, ...] = ()
    made: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()
    programs: bool = False
    network: bool = False
    services: bool = False
    devices: bool = False
    shared_tmp: bool = False
    credentials: tuple[str, ...] = ()
    confined: bool = True


UNCONFINED = Box(programs=True, network=True, services=True, devices=True, shared_tmp=True, confined=False)
"""No box: the run may do whatever root may."""
