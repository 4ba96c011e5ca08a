"""File systems that may never answer, asked by threads that nobody waits for."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from collections.abc import Set as AbstractSet

ANSWER_SPOILS_AFTER = 120.0
"""Seconds for which an answer is good while the next one is being waited for."""

MOST_THREADS = 8


class RemoteFileSystems:
    """One question per mount point is under way at most; what the last one answered is what is told.

    A thread that hangs in the kernel cannot be ended, so it is left alone, its mount point is reported as not
    answering, and no second one is started for it. `MOST_THREADS` bounds how many there can be.
    """

    def __init__(self, statvfs: Callable[[bytes], os.statvfs_result] = os.statvfs) -> None:
        self._statvfs = statvfs
        self._answers: dict[bytes, tuple[float, os.statvfs_result | OSError]] = {}
        self._under_way: dict[bytes, threading.Thread] = {}

    def ask(self, path: bytes, now: float) -> os.statvfs_result:
        """Given a mount point and a monotonic instant, return the latest answer and put the next question.

        Raises the file system's own OSError, TimeoutError where it does not answer, and BlockingIOError where the
        first answer is not there yet.
        """
        thread = self._under_way.get(path)
        if thread is None or not thread.is_alive():
            self._put(path, now)
        answered_at, answer = self._answers.get(path, (None, None))
        if answered_at is None or answer is None:
            raise BlockingIOError(errno.EAGAIN, "has not answered yet")
        if now - answered_at > ANSWER_SPOILS_AFTER:
            raise TimeoutError(errno.ETIMEDOUT, f"has not answered for {now - answered_at:.0f} s")
        if isinstance(answer, OSError):
            raise answer
        return answer

    def keep(self, paths: AbstractSet[bytes]) -> None:
        """Given the mount points that are still of interest, forget the answers of all others."""
        self._answers = {path: answer for path, answer in self._answers.items() if path in paths}
        self._under_way = {path: thread for path, thread in self._under_way.items() if thread.is_alive()}

    def _put(self, path: bytes, now: float) -> None:
        if sum(thread.is_alive() for thread in self._under_way.values()) >= MOST_THREADS:
            return
        thread = threading.Thread(target=self._question, args=(path, now), name="statvfs", daemon=True)
        self._under_way[path] = thread
        thread.start()
        # An answer from a healthy server is there within this time, so that the first pass already has a number.
        thread.join(timeout=0.02)

    def _question(self, path: bytes, now: float) -> None:
        answer: os.statvfs_result | OSError
        try:
            answer = self._statvfs(path)
        except OSError as error:
            answer = error
        self._answers[path] = (now, answer)
