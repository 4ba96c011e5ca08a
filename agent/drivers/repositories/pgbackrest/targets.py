"""How far a server is brought back: in pgBackRest's words, and whether the log reaches as far."""

from __future__ import annotations

from datetime import UTC, datetime

from agent.drivers.physical import RecoveryTarget
from agent.drivers.repositories.pgbackrest import contents, wal
from agent.drivers.repositories.pgbackrest.commands import Engine
from agent.errors import RunFailed
from agent.model.backups import Backup


def options(target: RecoveryTarget | None) -> tuple[str, ...]:
    """Given how far, return the options of `restore`. The server goes on from there when it is reached."""
    promote = "--target-action=promote"
    if target is not None and target.time is not None:
        # Given with its zone, so that nobody's own zone matters.
        instant = target.time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f+00")
        return ("--type=time", f"--target={instant}", promote)
    if target is not None and target.lsn:
        return ("--type=lsn", f"--target={target.lsn}", promote)
    if target is not None and target.name:
        return ("--type=name", f"--target={target.name}", promote)
    if target is not None and target.latest:
        return ("--type=default",)
    return ("--type=immediate", promote)


def require_reachable(engine: Engine, backup: Backup, target: RecoveryTarget | None) -> None:
    """Raise RunFailed, with what can be reached from a backup, when a target is surely out of reach."""
    if target is None or (target.time is None and not target.lsn):
        return
    facts = backup.parts[0].facts
    if target.lsn and position(target.lsn) < position(facts["lsn_stop"]):
        raise RunFailed(f"{target.lsn} is before {facts['lsn_stop']}, where {backup.id} ended: take an older backup")
    if target.time is None:
        return
    if target.time.tzinfo is None:
        raise ValueError("an instant without a zone")
    last = newest(engine, backup)
    reach = f"from {backup.id} the time between {_told(backup.ended)} and {_told(last)} can be reached"
    if target.time.timestamp() < backup.ended:
        raise RunFailed(f"{target.time.isoformat()} is before the end of the backup: {reach}; take an older backup")
    if target.time.timestamp() > last:
        raise RunFailed(
            f"{target.time.isoformat()} is after the newest archived segment of the log: {reach}; name `latest` "
            "for all there is; for what came since let the server archive it first: select pg_switch_wal()"
        )


def newest(engine: Engine, backup: Backup) -> float:
    """Return when the newest segment of the log that a backup can be followed by was archived."""
    items = contents.under(engine, f"{contents.archive(engine)}/{backup.parts[0].facts['archive']}")
    first = backup.parts[0].facts["wal_start"]
    times = [item.time for name, item in items.items() if any(one >= first for one in wal.segments([name]))]
    # Times are told in whole seconds.
    return max(times, default=int(backup.ended)) + 1.0


def position(lsn: str) -> int:
    """Given a position in the log as PostgreSQL writes it, return it as a number. Raises RunFailed."""
    high, slash, low = lsn.partition("/")
    try:
        return (int(high, 16) << 32) + int(low, 16) if slash else int("", 16)
    except ValueError:
        raise RunFailed(f"{lsn!r} is no position in PostgreSQL's log, such as 0/3000148") from None


def _told(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
