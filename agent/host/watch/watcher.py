"""The watcher of the policy directory: by inotify where that works, by looking again and again where it does not."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING

from agent.host.watch.filesystems import shared_filesystem
from agent.host.watch.mounts import MountNews
from agent.host.watch.polling import Polling

if TYPE_CHECKING:
    from agent.host.watch.notices import Notices  # imported when it begins to watch: it takes long


class Mode(StrEnum):
    """How the directory is watched."""

    STOPPED = "stopped"
    INOTIFY = "inotify"
    POLLING = "polling"


class Watcher:
    """Calls `wake`, from threads of its own, whenever what `directory` leads to may have changed.

    `wake` must return at once and raise nothing; it may come often, and without a change. It covers the entries of
    the directory, their content, owners and modes, what links among them lead to, and every directory and link on the
    way to it, also while it does not exist. What the kernel does not tell at once makes it `suspicious`: ask now and
    then, and look again. `poll_every` and `retry_every` are seconds, for hosts on which inotify cannot be used.
    """

    def __init__(
        self,
        directory: str,
        wake: Callable[[], None],
        *,
        inotify: bool = True,
        poll_every: float = 0.5,
        retry_every: float = 60.0,
    ) -> None:
        # Not normalised: after a link, `..` is where the kernel says, not where the text says.
        self._directory = directory if os.path.isabs(directory) else os.path.join(os.getcwd(), directory)
        self._wake = wake
        self._inotify = inotify
        self._poll_every = poll_every
        self._retry_every = retry_every
        self._lock = threading.RLock()
        self._notices: Notices | None = None
        self._polling: Polling | None = None
        self._mounts: MountNews | None = None
        self.reason = ""
        """Why the mode is polling: a sentence, or "" in any other mode."""

    @property
    def mode(self) -> Mode:
        """How the directory is watched at this moment."""
        if self._notices is not None:
            return Mode.INOTIFY
        return Mode.STOPPED if self._polling is None else Mode.POLLING

    def start(self) -> None:
        """Begin to watch; every change after it returns is told. Look at the directory afterwards, not before."""
        with self._lock:
            self._mounts = MountNews()
            if not self._watch_by_notices():
                self._watch_by_polling()

    def stop(self) -> None:
        """End it; `wake` is not called afterwards."""
        with self._lock:
            notices, polling = self._notices, self._polling
            self._notices = self._polling = None
            mounts, self._mounts = self._mounts, None
            self.reason = ""
        if mounts is not None:
            mounts.close()
        if notices is not None:
            notices.close()
        if polling is not None:
            polling.close()

    def suspicious(self) -> bool:
        """Return whether something may have changed since it was asked last of which nobody was told.

        That is a mount, or a file to which a link leads on another file system.
        """
        with self._lock:
            notices, mounts = self._notices, self._mounts
        if mounts is None or not mounts.changed():
            return notices is not None and notices.far
        if notices is not None and (kind := shared_filesystem(self._directory)):
            self._give_up(notices, _shared(kind))
        return True

    def rearm(self) -> None:
        """Call it right before each look at the directory: it watches what the links in it lead to at this moment."""
        with self._lock:
            notices = self._notices
        if notices is not None:
            try:
                notices.arm()
            except OSError as error:
                self._lost(notices, error)

    def _watch_by_notices(self) -> bool:
        if not self._inotify:
            self.reason = "inotify is switched off"
            return False
        if kind := shared_filesystem(self._directory):
            self.reason = _shared(kind)
            return False
        # The library is imported by who is about to watch, and not before the agent is ready.
        from agent.host.watch.notices import Notices  # noqa: PLC0415

        try:
            self._notices = Notices(self._directory, self._wake, self._lost)
        except OSError as error:
            self.reason = _sentence(error)
            return False
        self.reason = ""
        return True

    def _watch_by_polling(self) -> None:
        self._polling = Polling(
            self._directory,
            self._wake,
            every=self._poll_every,
            retry=self._retry_every,
            better=self._recovered,
        )

    def _lost(self, notices: Notices, error: OSError) -> None:
        """Go on by polling, since inotify gave out while it was in use."""
        self._give_up(notices, _sentence(error))

    def _give_up(self, notices: Notices, reason: str) -> None:
        with self._lock:
            if self._notices is not notices:
                return
            self._notices = None
            self.reason = reason
            self._watch_by_polling()
            self._wake()
        notices.close()

    def _recovered(self) -> bool:
        """Called by the polling thread: try inotify again; what changed on the way over is for `wake` to find."""
        with self._lock:
            if self._polling is None or not self._watch_by_notices():
                return self._polling is None
            self._polling = None
            self._wake()
        return True


def _shared(kind: str) -> str:
    return f"the kernel does not tell what others change on a file system of type {kind}"


def _sentence(error: OSError) -> str:
    if error.errno == errno.ENOSPC:
        return "the host has no inotify watch to spare: raise fs.inotify.max_user_watches with sysctl"
    if error.errno == errno.EMFILE:
        return "the host has no inotify instance to spare: raise fs.inotify.max_user_instances with sysctl"
    return f"inotify cannot be used: {error.strerror or error}"
