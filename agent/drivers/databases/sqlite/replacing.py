"""A file loaded beside the live one, to take its place.

The loaded file is `<path>.hk-<mark>`, the old one after the swap `<path>.hk-<mark>.old`. The old file gets its second
name first, then the loaded one is renamed over the live name, so that there is a whole database at that name always.
Of two names that are one file, the state tells which step somebody died before.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import apsw

from agent.drivers.database import Tools
from agent.drivers.databases.sqlite import files
from agent.drivers.databases.sqlite.loading import ASIDE, Loading
from agent.errors import RunFailed
from agent.host.neighbours import Directory, directory

_LOGS = ("-wal", "-journal")
"""What belongs to the content of a file and must never be found beside another's."""


class Replacing(Loading):
    """`agent.drivers.database.Replacing`."""

    def __init__(self, tools: Tools, path: str, mark: str) -> None:
        super().__init__(tools, f"{path}.hk-{mark}")
        self._live_path = path
        self._live = os.path.basename(path)
        self._new = f"{self._live}.hk-{mark}"
        self._old = f"{self._new}.old"
        self._none = f"{self._new}.none"
        self.beside = f"{path}.hk-{mark}"

    def swap(self) -> None:
        """As `Replacing.swap`. Raises RunFailed when another process has the live file open."""
        with self._directory() as folder:
            if folder.look(self._new) is not None:
                self._swap(folder)
            elif folder.look(self._old) is None and folder.look(self._none) is None:
                raise RunFailed(f"there is no {self.beside} that could take the place of {self._live_path}")
        self.beside = f"{self._live_path}.hk-{self._new.rpartition('.hk-')[2]}.old"

    def _swap(self, folder: Directory) -> None:
        if folder.look(self._live) is None:
            for ending in _LOGS:
                if folder.look(self._live + ending) is not None:
                    raise RunFailed(f"there is {self._live_path}{ending}, without its database: move it away")
            folder.dress(self._new, None)
            if folder.look(self._none) is None:
                os.close(folder.create(self._none))
            folder.rename(self._new, self._live)
            return
        with self._quiet(folder) as was_wal:
            folder.dress(self._new, self._live)
            self._keep_old(folder)
            folder.rename(self._new, self._live)
            if holders := folder.holders(self._old):
                # They came between the look and the rename, and would go on writing to the old file.
                self._back(folder)
                raise self._in_use(holders)
        if was_wal:
            self._set_wal(self._old)

    def swap_back(self) -> None:
        """As `Replacing.swap_back`. Raises RunFailed when another process has the live file open."""
        with self._directory() as folder:
            new, old = folder.look(self._new), folder.look(self._old)
            if old is not None and folder.same(self._old, self._live):
                folder.remove(self._old)
                self._bring_logs(folder)
            elif old is not None and (new is None or folder.same(self._new, self._live)):
                with self._quiet(folder) as was_wal:
                    self._back(folder)
                if was_wal:
                    self._set_wal(self._new)
            elif old is not None:
                folder.rename(self._old, self._live)
                self._bring_logs(folder)
            elif new is None and folder.look(self._none) is not None:
                with self._quiet(folder):
                    folder.rename(self._live, self._new)
            folder.remove(self._none)
        self.beside = os.path.join(self._folder, self._new)

    def discard(self) -> None:
        """As `Replacing.discard`."""
        with self._directory() as folder:
            if folder.look(self._old) is not None and folder.look(self._live) is None:
                raise RunFailed(f"{self._live_path} is gone, and {self._old} beside it may be all that is left: look")
            half_back = folder.look(self._old) is not None and folder.same(self._new, self._live)
        if half_back:
            self.swap_back()
        with self._directory() as folder:
            if folder.same(self._old, self._live):
                folder.remove(self._old)
                self._bring_logs(folder)
            for name in (self._new, self._new + ASIDE, self._old):
                for ending in ("", "-shm", *_LOGS):
                    folder.remove(name + ending)
            folder.remove(self._none)
            folder.sync()

    def _back(self, folder: Directory) -> None:
        if folder.look(self._new) is None:
            folder.link(self._live, self._new)
        folder.rename(self._old, self._live)
        self._bring_logs(folder)

    def _keep_old(self, folder: Directory) -> None:
        """Give the live file its second name; logs that SQLite would not clear go with it."""
        if folder.look(self._old) is not None and not folder.same(self._old, self._live):
            raise RunFailed(f"{self._live_path}: {self._old} is there already, from an earlier swap: remove it first")
        for ending in _LOGS:
            if folder.look(self._live + ending) is not None:
                folder.rename(self._live + ending, self._old + ending)
        folder.remove(self._live + "-shm")
        if folder.look(self._old) is None:
            folder.link(self._live, self._old)
            folder.sync()

    def _bring_logs(self, folder: Directory) -> None:
        for ending in _LOGS:
            if folder.look(self._old + ending) is not None:
                folder.rename(self._old + ending, self._live + ending)

    @contextmanager
    def _quiet(self, folder: Directory) -> Iterator[bool]:
        """Keep everybody from the live file, with all that its WAL held in it; yield whether it had one.

        A file that is no database any more is nobody's to lock.
        """
        if holders := folder.holders(self._live):
            raise self._in_use(holders)
        connection = apsw.Connection(self._live_path, flags=apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_NOFOLLOW)
        try:
            was_wal = False
            try:
                connection.set_busy_timeout(5000)
                connection.pragma("locking_mode", "exclusive")
                was_wal = connection.pragma("journal_mode") == "wal"
                if was_wal and connection.pragma("journal_mode", "delete") != "delete":
                    raise apsw.BusyError("its WAL cannot be closed")
                connection.execute("begin exclusive")
            except (apsw.NotADBError, apsw.CorruptError, apsw.IOError):
                was_wal = False
            except apsw.Error as error:
                raise RunFailed(f"{self._live_path} is in use: stop what works with it ({error})") from error
            yield was_wal
        finally:
            connection.close(force=True)

    def _in_use(self, holders: list[str]) -> RunFailed:
        return RunFailed(f"{self._live_path} is open in {', '.join(holders[:5])}: stop that first")

    def _set_wal(self, name: str) -> None:
        with files.opened(os.path.join(self._folder, name), self._tools, write=True) as connection:
            connection.pragma("journal_mode", "wal")

    @contextmanager
    def _directory(self) -> Iterator[Directory]:
        try:
            with directory(self._folder) as folder:
                yield folder
        except OSError as error:
            raise RunFailed(f"{self._live_path}: {error.strerror}") from error
