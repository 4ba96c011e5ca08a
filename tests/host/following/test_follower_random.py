from __future__ import annotations

import gzip
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.host.following import LINGER, Follower, Position
from tests.host.following.ticks import tick


@contextmanager
def no_zstd(_descriptor: int) -> Iterator[int]:
    raise AssertionError("nothing here is compressed by zstd")
    yield -1


class World:
    """A log that a writer writes and somebody rotates, and a reader who comes by now and then."""

    def __init__(self, directory: str) -> None:
        self.log = Path(directory) / "app.log"
        self.log.touch()
        self.writer = self.open()
        self.old: list[int] = []
        self.written: list[bytes] = []
        self.open_line = b""
        self.read: list[bytes] = []
        self.position: bytes | None = None

    def open(self) -> int:
        return os.open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def write(self, count: int, *, half: bool) -> None:
        for _ in range(count):
            rest = b"line %d of this log\n" % len(self.written)
            os.write(self.writer, self.open_line or rest)
            self.written.append(rest[:-1])
            self.open_line = b""
        if half and not self.open_line:
            line = b"line %d of this log\n" % len(self.written)
            os.write(self.writer, line[:7])
            self.open_line = line[7:]

    def end_line(self) -> None:
        if self.open_line:
            os.write(self.writer, self.open_line)
            self.written.append(b"line %d of this log" % len(self.written))
            self.open_line = b""

    def shift(self) -> None:
        for name in sorted(os.listdir(self.log.parent), key=lambda name: -int(([*name.split("."), "0"])[2] or 0)):
            _, _, *rest = name.split(".")
            if rest:
                new = ".".join(["app.log", str(int(rest[0]) + 1), *rest[1:]])
                os.rename(self.log.parent / name, self.log.parent / new)

    def rename(self, *, reopen: bool) -> None:
        self.reopen()
        self.shift()
        os.rename(self.log, f"{self.log}.1")
        self.log.touch()
        if reopen:
            self.reopen()

    def reopen(self) -> None:
        if os.fstat(self.writer).st_ino != os.stat(self.log).st_ino:
            self.end_line()
            os.close(self.writer)
            self.writer = self.open()

    def copy_and_truncate(self) -> None:
        self.reopen()
        self.end_line()
        self.shift()
        Path(f"{self.log}.1").write_bytes(self.log.read_bytes())
        os.truncate(self.log, 0)

    def compress(self) -> None:
        for name in os.listdir(self.log.parent):
            path = self.log.parent / name
            kept = name in ("app.log", "app.log.1") or name.endswith(".gz")
            if not kept and path.stat().st_ino != os.fstat(self.writer).st_ino:
                about = path.stat()
                with gzip.open(f"{path}.gz", "wb") as packed:
                    packed.write(path.read_bytes())
                os.utime(f"{path}.gz", ns=(about.st_atime_ns, about.st_mtime_ns))
                path.unlink()

    def come_by(self, most: int, later: float = 0.0) -> None:
        before = None if self.position is None else msgspec.json.decode(self.position, type=Position)
        with Follower(str(self.log), before, now=tick() + later, unpack=no_zstd) as follower:
            for reading in follower.readings:
                for block in reading.blocks():
                    if most <= 0:
                        break
                    lines = block.lines()[:most]
                    taken = sum(len(line) + 1 for line in lines)
                    self.read += lines
                    reading.reached(block, min(taken, len(block.data)))
                    most -= len(lines)
                    if most <= 0:
                        break
            assert not follower.lost
            self.position = msgspec.json.encode(follower.position())
        tick()


ACTS = st.one_of(
    st.tuples(st.just("write"), st.integers(0, 40), st.booleans()),
    st.tuples(st.just("rename"), st.booleans()),
    st.tuples(st.just("reopen")),
    st.tuples(st.just("copy_and_truncate")),
    st.tuples(st.just("compress")),
    st.tuples(st.just("come_by"), st.sampled_from([1, 7, 10_000])),
)


@given(acts=st.lists(ACTS, max_size=30))
@settings(max_examples=60, deadline=None)
def test_follower_whatever_rotation_does_reads_every_line_once(acts: list[tuple[object, ...]]) -> None:
    with TemporaryDirectory() as directory:
        world = World(directory)
        world.come_by(10_000)
        for name, *rest in acts:
            if name == "write":
                world.write(int(str(rest[0])), half=bool(rest[1]))
            elif name == "rename":
                world.rename(reopen=bool(rest[0]))
            elif name == "come_by":
                world.come_by(int(str(rest[0])))
            else:
                getattr(world, str(name))()
        world.end_line()
        for _ in range(3):
            world.come_by(10_000, later=2 * LINGER)
        os.close(world.writer)
        read, written = Counter(world.read), Counter(world.written)
        assert not written - read, "lines were lost"
        assert not read - written, "lines were repeated"
