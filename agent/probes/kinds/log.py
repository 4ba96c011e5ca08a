"""Follows logs, or the journal, and counts the lines in which something stands.

A measurement reads what was written since the one before it, wherever rotation has put that; where it stood is kept
beside it, so that nothing is missed or counted again when the prober is begun anew.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import msgspec
from msgspec import Struct, field

from agent.errors import RunFailed
from agent.host.following import Follower, Position, Reading, fits, logs_at
from agent.host.following.content import read_at
from agent.host.following.journal import arguments, complaint, entry, files
from agent.host.following.unpacking import command
from agent.probes.answers import sample
from agent.probes.group import Measured
from agent.probes.kind import Kind, Settings, Tools
from agent.rules.texts import anywhere

_NOTES = "position.json"
_LINE = 1 << 16
_PACKED, _UNPACKED = 32 << 20, 64 << 20
_ENTRIES = 16 << 20


class Notes(Struct):
    """What is kept from measurement to measurement; instants are seconds since the epoch."""

    at: float = 0.0
    matched: float | None = None
    files: dict[str, Position] = field(default_factory=dict)
    cursor: str = ""
    opened: bool = False


class Log:
    """Some logs, or the journal."""

    def __init__(self, settings: Settings, tools: Tools) -> None:
        self._settings = settings
        self._tools = tools
        self._path = os.path.join(tools.scratch, _NOTES)
        self._notes = self._recalled()
        self._matches = anywhere(settings["match"])
        self._excluded = anywhere(settings["exclude"])
        self._lines = self._found = 0

    def measure(self, timeout: float) -> Measured:
        """Count what is new; the first time, only look where the logs end."""
        notes, now = self._notes, self._tools.clock.now().timestamp()
        before = notes.at
        first = not notes.opened
        if self._settings["journal"] is not None:
            self._read_journal(timeout, first=first)
        else:
            self._read_files(first=first)
        if self._found:
            notes.matched = now
        notes.at, notes.opened = now, True
        self._remember()
        # Lines that were counted before something could not be read are told once everything can be.
        lines, matches, self._lines, self._found = self._lines, self._found, 0, 0
        # Where no log is, nobody knows whether none was written or its name is another.
        if first or not (lines or notes.files or self._settings["journal"]):
            return Measured()
        seconds = max(now - before, 0.001)
        found = [
            sample("lines", lines),
            sample("matches", matches),
            sample("lines_per_second", lines / seconds),
            sample("matches_per_second", matches / seconds),
        ]
        age = [] if notes.matched is None else [sample("last_match_seconds", max(0.0, now - notes.matched))]
        return Measured([*found, *age])

    def _count(self, lines: list[bytes]) -> None:
        self._lines += len(lines)
        for raw in lines:
            line = raw[:_LINE].decode("utf-8", "replace")
            self._found += self._matches(line) and not self._excluded(line)

    def _read_files(self, *, first: bool) -> None:
        notes = self._notes
        for pattern in self._settings["files"]:
            try:
                known = {path for path in notes.files if fits(path, pattern)}
                paths = sorted({*logs_at(pattern), *known})
            except OSError as error:
                raise RunFailed(f"{pattern}: {error.strerror}") from error
            for path in paths:
                self._read(path, from_end=first)
        patterns = self._settings["files"]
        notes.files = {
            path: one for path, one in notes.files.items() if one.parts and any(fits(path, each) for each in patterns)
        }

    def _read(self, path: str, *, from_end: bool) -> None:
        now = self._tools.clock.now().timestamp()
        position, counted = self._notes.files.get(path), (self._lines, self._found)
        try:
            with Follower(path, position, now=now, unpack=self._unpack, from_end=from_end) as follower:
                if not follower.readings and position is None and not set(path) & set("*?["):
                    raise RunFailed(f"{path}: there is no such log")
                for reading in follower.readings:
                    self._read_one(reading)
                self._notes.files[path] = follower.position()
                counted = self._lines, self._found
        except OSError as error:
            raise RunFailed(f"{path}: {error.strerror}") from error
        finally:
            self._lines, self._found = counted

    def _read_one(self, reading: Reading) -> None:
        for block in reading.blocks():
            self._count(block.lines())
            reading.reached(block, len(block.data))
            if self._tools.stop():
                break

    def _read_journal(self, timeout: float, *, first: bool) -> None:
        journal = self._settings["journal"]
        directory, units = journal["directory"], journal["units"]
        ask, stop = self._tools.processes.ask, self._tools.stop
        if first:
            seen = ask(command(*files(directory), timeout=timeout), stop)
            _require(
                complaint(seen.completed.code, seen.completed.output + seen.output[-500:].decode("utf-8", "replace"))
            )
        program = arguments(directory, units, self._notes.cursor, last=first, bare=first)
        answer = ask(command(*program, timeout=timeout), stop, most=_ENTRIES)
        told = answer.output
        if answer.cut and b"\n" not in told:
            # Nobody is to hide what comes after it behind an entry that is larger than what is read at once.
            program = arguments(directory, units, self._notes.cursor, bare=True)
            told = ask(command(*program, timeout=timeout), stop, most=_LINE).output
            told = told[: told.find(b"\n") + 1]
        for line in told.splitlines(keepends=True):
            found = entry(line) if line.endswith(b"\n") else None
            if found is not None:
                self._notes.cursor = found.cursor
                if not first:
                    self._count([found.record.head, *found.record.more])
        # What came before its time was over counts: else one that is far behind would never catch up.
        if not answer.cut:
            _require(complaint(answer.completed.code, answer.completed.output))

    @contextmanager
    def _unpack(self, descriptor: int) -> Iterator[int]:
        packed = read_at(descriptor, 0, _PACKED + 1)
        program = command("zstd", "-q", "-d", "-c", timeout=60.0)
        answer = self._tools.processes.ask(program, self._tools.stop, packed, most=_UNPACKED)
        if len(packed) > _PACKED or answer.cut or answer.completed.code:
            raise RunFailed("an older file of it is too large to be unpacked here, or damaged")
        content = os.memfd_create("content", os.MFD_CLOEXEC)
        try:
            with open(content, "wb", closefd=False) as file:
                file.write(answer.output)
            os.lseek(content, 0, os.SEEK_SET)
            yield content
        finally:
            os.close(content)

    def _recalled(self) -> Notes:
        with suppress(OSError, ValueError), open(self._path, "rb") as file:
            return msgspec.convert(json.loads(file.read()), Notes)
        return Notes()

    def _remember(self) -> None:
        draft = f"{self._path}.new"
        with open(draft, "w", encoding="ascii") as file:
            # Names of logs that are no UTF-8 have surrogates in them that msgspec does not write.
            json.dump(msgspec.to_builtins(self._notes), file)
        os.replace(draft, self._path)


def _require(complaint: str) -> None:
    if complaint:
        raise RunFailed(complaint)


def connect_to(_name: str, settings: Settings, tools: Tools) -> Log:
    """Return the probe."""
    return Log(settings, tools)


KIND = Kind(connect=connect_to)
