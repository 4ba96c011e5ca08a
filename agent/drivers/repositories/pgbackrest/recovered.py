"""A server of our own, brought back from a backup: it replays the log to where it shall, and answers nobody but us."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

from agent.drivers import asking, serving
from agent.drivers.physical import RecoveryTarget
from agent.drivers.repositories.pgbackrest import asked, settings, targets
from agent.drivers.repositories.pgbackrest.commands import Engine
from agent.drivers.repositories.pgbackrest.restoring import into
from agent.drivers.repositories.pgbackrest.verifying import Verifying
from agent.errors import RunFailed
from agent.model.backups import Backup
from agent.ports import StopRequested

_LOOK_EVERY = 0.05
_LOG = "recovery.log"

_OPTIONS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "port": "5432",
    "ssl": "off",
    # Nothing of what this server does may reach where the live one's goes, and it asks no other for anything.
    "archive_mode": "off",
    "archive_command": "",
    "archive_cleanup_command": "",
    "recovery_end_command": "",
    "primary_conninfo": "",
    "primary_slot_name": "",
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    # Libraries may start workers of their own, and may not be here.
    "shared_preload_libraries": "",
    "session_preload_libraries": "",
    "local_preload_libraries": "",
    # Without it the limits of the live server need not be matched.
    "hot_standby": "off",
    "max_prepared_transactions": "1000",
    "max_connections": "16",
    "shared_buffers": "64MB",
    "huge_pages": "off",
    "fsync": "off",
    "autovacuum": "off",
    "external_pid_file": "",
    "event_source": "",
    "log_destination": "stderr",
    "logging_collector": "on",
    "log_filename": _LOG,
    "log_rotation_age": "0",
    "log_rotation_size": "0",
    "log_line_prefix": "",
    "log_min_messages": "warning",
    "lc_messages": "C",
}
"""Given on the command line, which comes before whatever the backup or `ALTER SYSTEM` says."""

_FATAL = re.compile(r"^(?:FATAL|PANIC):\s+(.*)$", re.MULTILINE)
_NOISE = "the database system is"
_TOO_SHORT = "recovery ended before configured recovery target was reached"
_TOO_EARLY = "requested recovery stop point is before consistent recovery point"


@contextmanager
def recovered(
    engine: Engine, verifying: Verifying, backup: Backup, target: RecoveryTarget | None
) -> Iterator[asked.Server]:
    """As `agent.drivers.physical.Physical.recovered`."""
    targets.require_reachable(engine, backup, target)
    verifying.verify(backup, deep=False)
    tools = engine.tools
    postgres = asked.program(tools, "postgres", backup.parts[0].facts["server"])
    user = engine.user if os.geteuid() == 0 else None
    with serving.place(tools, user) as place, serving.socket_place(place, user) as sockets:
        data = os.path.join(place, "data")
        tools.processes.run(engine.of("mkdir", "-m", "0700", data), tools.stop)
        files, size = into(engine, backup, data, target)
        command = asking.command(_argv(postgres, place, data, sockets), user=user, directory=place)
        with serving.serving(tools, command, lambda: _status(data) != ""):
            _until_ready(engine, place, data, backup)
            way = {"PGHOST": sockets, "PGPORT": _OPTIONS["port"], "PGUSER": settings.role(engine)}
            yield asked.Server(tools, way, user, backup.parts[0].name, size, files)


def _argv(postgres: str, place: str, data: str, sockets: str) -> list[str]:
    """Return the command of the server; its configuration and who is let in are ours, whatever the backup says."""
    for name, text in (("server.conf", ""), ("hba.conf", "local all all trust\n"), ("ident.conf", "")):
        with open(os.path.join(place, name), "x", encoding="ascii", opener=_readable) as file:
            file.write(text)
    quoted = '"' + sockets.replace('"', '""') + '"'
    chosen = {
        "config_file": os.path.join(place, "server.conf"),
        "hba_file": os.path.join(place, "hba.conf"),
        "ident_file": os.path.join(place, "ident.conf"),
        "unix_socket_directories": quoted,
        "log_directory": place,
        **_OPTIONS,
    }
    return [postgres, "-D", data, *(part for word, text in chosen.items() for part in ("-c", f"{word}={text}"))]


def _readable(path: str, flags: int) -> int:
    descriptor = os.open(path, flags, 0o600)
    # The directory is closed to everybody but the server's user.
    os.fchmod(descriptor, 0o644)
    return descriptor


def _status(data: str) -> str:
    """Return what a server says of itself in its file, such as `starting` and `ready`; empty when it is not at work."""
    try:
        with open(os.path.join(data, "postmaster.pid"), encoding="utf-8", errors="replace") as file:
            return file.read().rstrip().rpartition("\n")[2].strip() or "starting"
    except FileNotFoundError:
        return ""


def _until_ready(engine: Engine, place: str, data: str, backup: Backup) -> None:
    """Wait, as long as it takes, until the log is replayed and the server goes on from there by itself."""
    while (status := _status(data)) != "ready":
        if not status:
            raise RunFailed(_why(place, backup))
        if engine.tools.stop():
            raise StopRequested
        engine.tools.clock.sleep(_LOOK_EVERY)


def _why(place: str, backup: Backup) -> str:
    try:
        with open(os.path.join(place, _LOG), encoding="utf-8", errors="replace") as file:
            log = file.read()
    except OSError:
        log = ""
    found = [text for text in _FATAL.findall(log) if not text.startswith(_NOISE)]
    if any(_TOO_SHORT in text for text in found):
        last = re.findall(r"last completed transaction was at log time (.*)", log)
        until = f"the last transaction in it is of {last[-1]}" if last else "there is no later transaction in it"
        return f"the log that {backup.id} can be followed by does not reach the target: {until}; take `latest`"
    if any(_TOO_EARLY in text for text in found):
        return f"the target is before {backup.id} is whole: take an older backup"
    return f"a server brought back from {backup.id} did not start: {'; '.join(found[:3]) or log[-300:] or 'no word'}"
