"""The follower of logs beside our own rotation, with a writer that goes on: no line is lost, and none is repeated."""

from __future__ import annotations

import gzip
import os
import re
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from agent.actions.logs.rotate import ACTION
from agent.host.following import LINGER, Follower, Position
from agent.host.following.unpacking import with_zstd
from agent.host.processes import SystemProcesses
from tests.actions.logs.rotating import options, real
from tests.host.following.ticks import tick

ROTATIONS = 12
BATCH = 40
LINE = re.compile(rb"line (\d+) of this log")


class Writer:
    """Writes numbered lines without a pause, and opens its log anew when it is told to."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self.written = 0
        self.told, self.opened, self.done, self.wrote = (threading.Event() for _ in range(4))
        self.thread = threading.Thread(target=self._write)

    def __enter__(self) -> Writer:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.done.set()
        self.thread.join()

    def reopen(self) -> None:
        """Return once the log is another one."""
        self.told.set()
        self.opened.wait()
        self.opened.clear()

    def some_lines(self) -> None:
        """Return once there is something new in the log."""
        self.wrote.clear()
        self.wrote.wait()

    def _write(self) -> None:
        descriptor = self._open()
        while not self.done.is_set():
            lines = range(self.written, self.written + BATCH)
            os.write(descriptor, b"".join(b"line %d of this log\n" % number for number in lines))
            self.written += BATCH
            self.wrote.set()
            if self.told.is_set():
                self.told.clear()
                os.close(descriptor)
                descriptor = self._open()
                self.opened.set()
            # Somebody has to come to read.
            self.done.wait(0.0005)
        os.close(descriptor)

    def _open(self) -> int:
        return os.open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


class Reader:
    """Follows a log, and keeps what it read."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self.lines = Counter[bytes]()
        self.position: Position | None = None
        self.lost: list[str] = []
        self.unpack = with_zstd(SystemProcesses(cgroups=False), lambda: False)

    def come_by(self, later: float = 0.0) -> None:
        with Follower(str(self.log), self.position, now=time.time() + later, unpack=self.unpack) as follower:
            for reading in follower.readings:
                for block in reading.blocks():
                    self.lines.update(block.lines())
                    reading.reached(block, len(block.data))
            self.position = follower.position()
            self.lost += [follower.lost] if follower.lost else []


def lines_of(log: Path) -> set[bytes]:
    """Return all lines that are in a log and in what was rotated of it."""
    found: set[bytes] = set()
    for path in log.parent.iterdir():
        raw = path.read_bytes()
        found.update((gzip.decompress(raw) if path.suffix == ".gz" else raw).split(b"\n"))
    return found - {b""}


@pytest.mark.parametrize("method", ["rename", "copytruncate"])
def test_follower_beside_our_own_rotation_reads_every_line_once(method: str, log: Path, place: Path) -> None:
    log.write_bytes(b"")
    reader, failed = Reader(log), list[BaseException]()
    reader.come_by()
    ctx = real(place)

    def rotate() -> None:
        try:
            for _ in range(ROTATIONS):
                writer.some_lines()
                # A copy is known as new by its time, if the log was empty when it was looked at last.
                tick()
                found = options(log, engine="own", method=method, compress="gzip", keep=100)
                steps = {step.name: step for step in ACTION.plan(found, ctx)}
                # What this run wrote down of the rotation before is of a run that has ended.
                ctx.memory.remember("rotation", None)
                steps["rotate"].do()
                if method == "rename":
                    writer.reopen()
        except BaseException as error:
            failed.append(error)

    with Writer(log) as writer:
        rotating = threading.Thread(target=rotate)
        rotating.start()
        while rotating.is_alive():
            reader.come_by()
        rotating.join()
    assert not failed, failed
    for _ in range(3):
        reader.come_by(2 * LINGER)
    assert len(list(log.parent.iterdir())) == ROTATIONS + 1
    assert max(reader.lines.values()) == 1, "lines were repeated"
    missed = lines_of(log) - set(reader.lines)
    assert not missed, f"lines were lost: {sorted(missed)[:3]} of {len(missed)}; {reader.lost}"
    if method == "rename":
        assert len(reader.lines) == writer.written
        assert not reader.lost
