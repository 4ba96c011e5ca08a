"""Backups in directories that describe themselves: GNU tar, zstd, and nothing else needed to read them."""

from agent.drivers.repositories.tar.driver import Tar

DRIVER = Tar

__all__ = ["DRIVER"]
