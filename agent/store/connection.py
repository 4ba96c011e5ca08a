"""One SQLite file that the agent, its runs and the command line share.

WAL with full synchronisation: what is acknowledged survives power loss. The WAL file is kept when the last
connection closes, so that a disk without free inodes can still be written to. On a disk without free bytes even
DELETE fails in WAL mode, so a preallocated ballast file is given up first, and made again when there is room.
"""

from __future__ import annotations

import os
import stat
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import apsw

from agent.errors import StoreError
from agent.failpoints import reach
from agent.store.patience import Patience
from agent.store.quiet import Quiet
from agent.store.seal import Value
from agent.store.tables import MIGRATIONS

BALLAST_NAME = "ballast"
DATABASE_NAME = "hostkeeper.db"
BUSY_TIMEOUT_MS = 10_000
ROOM_BYTES = 1 << 20
"""So much free space any write finds enough; with less, the ballast is given up first."""


SCANT_BYTES = 1 << 16
"""With less free space than this, and no ballast left, a write may fail."""


class Connection:
    """A connection to the store in a state directory; with `read_only`, one that cannot write.

    `migrated` hears of each migration, given the connection and the version before, in the migration's transaction.
    """

    def __init__(
        self,
        directory: str,
        *,
        ballast_bytes: int = 0,
        read_only: bool = False,
        migrated: Callable[[Connection, int], None] = lambda _connection, _version: None,
    ) -> None:
        self.directory = directory
        self._ballast_bytes = ballast_bytes
        self._read_only = read_only
        self._migrated = migrated
        self._depth = 0
        self.path = os.path.join(directory, DATABASE_NAME)
        self._quiet, self._others = Quiet(self.path + "-wal"), 0
        if not read_only:
            _make_private(directory)
            for suffix in ("", "-wal", "-shm"):
                _refuse_foreign(self.path + suffix)
        else:
            _find(self.path)
        try:
            self._db = apsw.Connection(
                self.path,
                flags=apsw.SQLITE_OPEN_READONLY if read_only else apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE,
            )
            self._db.set_busy_handler(Patience(BUSY_TIMEOUT_MS / 1000))
            if not read_only:
                self._prepare()
            self._check_version()
        except apsw.Error as error:
            raise StoreError(
                f"{self.path}: {error}; if the file is damaged, move it aside and start again: "
                "policies are not in it, only the history and the state of conditions"
            ) from error

    def _prepare(self) -> None:
        self._persist_wal()
        self._db.execute("PRAGMA foreign_keys = ON")
        self._ensure_room()
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._migrate()
        self.restore_ballast()

    def _persist_wal(self) -> None:
        keep = array("i", [1])
        self._db.file_control("main", apsw.SQLITE_FCNTL_PERSIST_WAL, keep.buffer_info()[0])

    def _migrate(self) -> None:
        if self._version() >= len(MIGRATIONS):
            return
        with self.transaction():
            version = self._version()
            for number, statements in enumerate(MIGRATIONS[version:], start=version + 1):
                self._db.execute(f"{statements}; PRAGMA user_version = {number}")
            self._migrated(self, version)

    def _version(self) -> int:
        return int(str(next(self._db.execute("PRAGMA user_version"))[0]))

    def _check_version(self) -> None:
        version = self._version()
        if not version and self._read_only:
            raise StoreError(f"{self.path}: there is no store yet; it is being made at this moment, so ask again")
        if version != len(MIGRATIONS):
            raise StoreError(
                f"{self.path}: the store has version {version}, this program knows version {len(MIGRATIONS)}; "
                "use the program that wrote it, or move the file aside"
            )

    def rows(self, sql: str, values: Sequence[Value] = ()) -> list[tuple[Value, ...]]:
        """Given a statement and its values, run it and return all rows. Raises StoreError."""
        return self.rows_with_bytes(sql, values)

    def rows_with_bytes(self, sql: str, values: Sequence[Value | bytes] = ()) -> list[tuple[Any, ...]]:
        """Do the same where a column holds bytes."""
        try:
            return self._db.execute(sql, values).fetchall()
        except apsw.FullError:
            if self._depth or not self._release_ballast():
                raise StoreError(f"{self.path}: the disk is full") from None
            return self.rows_with_bytes(sql, values)
        except apsw.Error as error:
            raise StoreError(f"{self.path}: {error}") from error
        except UnicodeDecodeError as error:
            raise StoreError(f"{self.path}: the store is damaged: {error}; move it aside and start again") from error

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything inside is written together and durably, or not at all. Nests by joining the outer one."""
        if self._depth:
            yield
            return
        self._ensure_room()
        try:
            self._db.execute("BEGIN IMMEDIATE")
        except apsw.Error as error:
            raise StoreError(f"{self.path}: {error}") from error
        self._depth = 1
        try:
            yield
            reach("commit:before")
            self._commit()
            reach("commit:after")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise
        finally:
            self._depth = 0

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Everything inside is read as it stands at one moment, whatever others write meanwhile."""
        self.rows("BEGIN")
        self._depth = 1
        try:
            yield
        finally:
            self._depth = 0
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")

    def _commit(self) -> None:
        try:
            self._db.execute("COMMIT")
        except apsw.FullError:
            # SQLite has rolled it back by then, so only whoever tries again has the ballast's room.
            self._release_ballast()
            raise StoreError(f"{self.path}: the disk is full") from None
        except apsw.Error as error:
            raise StoreError(f"{self.path}: {error}") from error

    def _ensure_room(self) -> None:
        """Give the ballast up before a write when the disk could not take the write."""
        if self._free() < min(self._ballast_bytes or ROOM_BYTES, ROOM_BYTES):
            self._release_ballast()

    def _free(self) -> int:
        """Return how many bytes the disk has to spare. Raises StoreError when the directory is gone from its place."""
        try:
            free = os.statvfs(self.directory)
        except OSError as error:
            raise StoreError(f"the state directory {self.directory}: {error.strerror}") from error
        return free.f_bavail * free.f_frsize

    def _release_ballast(self) -> bool:
        """Give the ballast up; return whether there was any."""
        path = os.path.join(self.directory, BALLAST_NAME)
        with suppress(OSError):
            held = os.lstat(path).st_blocks > 0
            os.truncate(path, 0)
            return held
        return False

    def is_full(self) -> bool:
        """Tell whether nothing can be written any more: the disk has no room, and the ballast has been given up."""
        with suppress(OSError):
            if os.lstat(os.path.join(self.directory, BALLAST_NAME)).st_blocks > 0:
                return False
        return self._free() < SCANT_BYTES

    def keep_ballast(self, size: int) -> None:
        """Keep a ballast of so many bytes from here on, and make it at once where the disk has ample room."""
        self._ballast_bytes = size
        self.restore_ballast()

    def restore_ballast(self) -> bool:
        """Make the ballast file whole again where the disk has ample room; return whether it stands."""
        if not self._ballast_bytes:
            return False
        path = os.path.join(self.directory, BALLAST_NAME)
        with suppress(OSError):
            handle = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                if os.fstat(handle).st_blocks * 512 >= self._ballast_bytes:
                    return True
                free = os.statvfs(self.directory)
                if free.f_bavail * free.f_frsize > 2 * self._ballast_bytes:
                    os.posix_fallocate(handle, 0, self._ballast_bytes)
                    return True
            finally:
                os.close(handle)
        return False

    def last_id(self) -> int:
        """Return the id of the row inserted last."""
        return self._db.last_insert_rowid()

    def changes(self) -> int:
        """Return how many rows the last statement changed."""
        return self._db.changes()

    def mark(self) -> tuple[int, int]:
        """Return two numbers: one changes when another connection has written, the other when this one has."""
        if not self._quiet.holds():
            self._others = int(str(next(self._db.execute("PRAGMA data_version"))[0]))
        return self._others, self._db.total_changes()

    def size(self) -> int:
        """Return the size of the store's files in bytes."""
        total = 0
        for suffix in ("", "-wal"):
            with suppress(OSError):
                total += os.stat(self.path + suffix).st_size
        return total

    def checkpoint(self) -> None:
        """Move the WAL into the database as far as no reader is in the way."""
        with suppress(apsw.Error):
            self._db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)

    def integrity(self) -> list[str]:
        """Return what SQLite finds wrong with the file; an empty list when it finds nothing."""
        found = [str(row[0]) for row in self.rows("PRAGMA integrity_check")]
        return [] if found == ["ok"] else found

    def close(self) -> None:
        """Close the connection."""
        self._db.close()


def _find(path: str) -> None:
    """Refuse to look at a store that is not there, or that this user may not see."""
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        raise StoreError(f"{path}: there is no store yet; start the agent, or run a task, to make one") from None
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}; run this as the user of the agent") from error


def _make_private(directory: str) -> None:
    """Make the state directory the owner's alone, or refuse one that others could change."""
    try:
        os.makedirs(directory, mode=0o700, exist_ok=True)
        found = os.stat(directory)
    except OSError as error:
        raise StoreError(f"{directory}: {error.strerror}; name a state directory with --state") from error
    if found.st_uid != os.geteuid():
        right = f"run `chown 0 {directory}`" if os.geteuid() == 0 else "run this as that user"
        raise StoreError(f"{directory}: belongs to user id {found.st_uid}; {right}")
    if stat.S_IMODE(found.st_mode) & 0o077:
        os.chmod(directory, 0o700)


def _refuse_foreign(path: str) -> None:
    """Refuse a file of the store that somebody else put there while they could: runs execute what it says."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}; name a state directory with --state") from error
    if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
        raise StoreError(f"{path}: not a file of user id {os.geteuid()}; move it aside, whoever put it there")
