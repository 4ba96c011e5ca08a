"""The one module that walks and deletes in somebody else's tree, by directory descriptors, never by path strings."""

from agent.host.tree.directory import Directory
from agent.host.tree.listings import Listings
from agent.host.tree.opening import Root, UnsafePath, open_root
from agent.host.tree.removal import Batch, Problem, clean, remove_directory
from agent.host.tree.syscalls import Kernel
from agent.host.tree.walk import Walk

__all__ = [
    "Batch",
    "Directory",
    "Kernel",
    "Listings",
    "Problem",
    "Root",
    "UnsafePath",
    "Walk",
    "clean",
    "open_root",
    "remove_directory",
]
