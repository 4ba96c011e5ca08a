"""A pgBackRest that says what a test wants, and an engine that asks it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec

from agent.drivers.database import Tools
from agent.drivers.repositories.pgbackrest.commands import Engine
from agent.host.users import account
from agent.model.backups import Backup, Level, Part
from agent.ports import Command, Completed, Program
from tests.fakes import FakeClock, FakePiped

LABEL = "20260301-120000F"


@dataclass
class Teller:
    """Answers each command of pgBackRest, by its name, with an exit code and what it writes."""

    answers: dict[str, tuple[int, str]] = field(default_factory=dict)
    ran: list[tuple[str, ...]] = field(default_factory=list)

    def run(self, command: Command, stop: Callable[[], bool]) -> Completed:
        self.ran.append(command.argv)
        code, text = self._of(command)
        return Completed(code, text, len(text), False, 0.0)

    @contextmanager
    def piped(self, programs: Sequence[Program], stop: Callable[[], bool]) -> Iterator[FakePiped]:
        piped = FakePiped()
        [program] = programs
        self.ran.append(program.command.argv)
        code, text = self._of(program.command)
        assert program.stdout is not None
        os.write(program.stdout, text.encode())
        yield piped
        piped.completed = (Completed(code, text, len(text), False, 0.0),)

    def _of(self, command: Command) -> tuple[int, str]:
        return next((answer for word, answer in self.answers.items() if word in command.argv), (0, ""))


def engine(teller: Teller, config: str = "/etc/pgbackrest.conf", keep: str = "/nonexistent") -> Engine:
    tools = Tools(
        processes=teller,
        clock=FakeClock(),
        stop=lambda: False,
        progress=lambda _done, _total, _unit: None,
        scratch="/nonexistent",
        keep=keep,
    )
    return Engine(name="pg", config=config, stanza="demo", user=account(None).name, tools=tools)


def info(code: int, *backups: Mapping[str, Any]) -> str:
    """Return what `info` tells of a stanza with a status."""
    status = {"code": code, "message": "so it is"}
    server = {"id": 1, "repo-key": 1, "system-id": 7, "version": "15"}
    stanza = {"name": "demo", "status": status, "backup": backups, "db": [server], "repo": []}
    return msgspec.json.encode([{**stanza, "repo": [{"key": 1, "status": status}]}]).decode()


def told(label: str = LABEL, **changes: Any) -> dict[str, Any]:
    """Return one backup as `info` tells it."""
    return {
        "label": label,
        "type": "full",
        "prior": None,
        "error": False,
        "archive": {"start": "000000010000000000000003", "stop": "000000010000000000000003"},
        "lsn": {"start": "0/3000028", "stop": "0/3000100"},
        "backrest": {"format": 5, "version": "2.45"},
        "database": {"id": 1, "repo-key": 1},
        "info": {"delta": 100, "size": 100, "repository": {"delta": 10, "size": 10}},
        "timestamp": {"start": 1772366400, "stop": 1772366401},
        **changes,
    }


def backup(start: str, stop: str, lsn: str = "", *, name: str = LABEL) -> Backup:
    """Return a backup that needs segments of the log from one to another."""
    lsn = lsn or f"{int(stop[8:16], 16):X}/{(int(stop[16:], 16) << 24) + 0x100:X}"
    facts = {"wal_start": start, "wal_stop": stop, "lsn_stop": lsn, "archive": "15-1", "server": "15"}
    part = Part(kind="postgresql", name="shop", form="pgbackrest", bytes=1, stored=1, facts=facts)
    return Backup(
        id=name,
        repository="pg",
        host="db1",
        task="backup-shop",
        level=Level.FULL,
        parent="",
        began=1772366400.0,
        ended=1772366401.0,
        parts=(part,),
        files=0,
    )
