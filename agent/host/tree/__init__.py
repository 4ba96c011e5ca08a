"""The one module that deletes and walks in somebody else's tree, by directory descriptors and never by path strings."""

from __future__ import annotations

import os

from agent.host.tree.opening import Root, UnsafePath, open_root
from agent.host.tree.syscalls import Kernel
from agent.host.tree.walk import Directory, Walk

__all__ = ["Directory", "Kernel", "Root", "UnsafePath", "Walk", "open_root", "remove_file"]


def remove_file(name: str, fd: int) -> None:
    """Given a name and the descriptor of its directory, remove that entry; a symbolic link itself, never its target."""
    os.unlink(name, dir_fd=fd)
