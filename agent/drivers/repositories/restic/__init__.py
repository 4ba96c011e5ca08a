"""Backups kept by restic: deduplicated, encrypted, here or elsewhere. Written for its versions 0.14 to 0.18."""

from agent.drivers.repositories.restic.driver import Restic

DRIVER = Restic

__all__ = ["DRIVER"]
