"""Tells when the policy directory may have changed: any file in it, any link they follow, any directory above."""

from agent.host.watch.debounce import Debounce
from agent.host.watch.watcher import Mode, Watcher

__all__ = ["Debounce", "Mode", "Watcher"]
