"""The archive that goes by: every member as tar and the kernel know it, in pieces of any length."""

from __future__ import annotations

import io
import os
import random
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.digests import blake3
from agent.drivers.repositories.tar.stream import Member, Stream
from agent.errors import RunFailed

TYPES = (tarfile.REGTYPE, tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.FIFOTYPE)


def archive_of(chance: random.Random) -> tuple[bytes, list[tuple[tarfile.TarInfo, bytes]]]:
    """An archive that tarfile wrote, and what is in it."""

    def name() -> str:
        return os.fsdecode(bytes(chance.choices(range(1, 256), k=chance.choice([1, 9, 100, 101, 260]))).strip(b"/"))

    output = io.BytesIO()
    members = []
    with tarfile.open(fileobj=output, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for _ in range(chance.randrange(6)):
            one = tarfile.TarInfo(name() or "x")
            one.type = chance.choice(TYPES)
            one.mode = chance.randrange(0o10000)
            one.uid = chance.choice([0, 1000, 2097151, 2097152, 4294967294])
            one.mtime = chance.choice([0, 1, -1.5, 1796046442.25, 2**33])
            content = b""
            if one.type == tarfile.SYMTYPE:
                one.linkname = name()
            if one.type == tarfile.REGTYPE:
                content = chance.randbytes(chance.choice([0, 1, 511, 512, 513, 20_000]))
                one.size = len(content)
            archive.addfile(one, io.BytesIO(content))
            members.append((one, content))
    return output.getvalue(), members


def passed(archive: bytes, cuts: Iterator[int]) -> tuple[Stream, list[tuple[Member, str]]]:
    """Let an archive go by in pieces of the given lengths."""
    told: list[tuple[Member, str]] = []
    stream = Stream(lambda member, digest: told.append((member, digest)), lambda: None)
    at = 0
    while at < len(archive):
        size = next(cuts)
        stream.feed(memoryview(archive)[at : at + size])
        at += size
    return stream, told


@pytest.mark.parametrize("most", [1, 7, 512, 700, 1 << 20])
def test_archive_of_tarfile_tells_every_member(most: int) -> None:
    for seed in range(5):
        chance = random.Random(seed)
        check(*archive_of(chance), chance, most)


def check(archive: bytes, members: list[tuple[tarfile.TarInfo, bytes]], chance: random.Random, most: int) -> None:
    stream, told = passed(archive, iter(lambda: chance.randint(1, most), 0))
    assert stream.ended
    assert stream.content == sum(len(content) for _, content in members)
    assert len(told) == len(members)
    for (member, digest), (info, content) in zip(told, members, strict=True):
        assert member.name.rstrip(b"/") == os.fsencode(info.name).rstrip(b"/")
        assert (member.mode, member.uid, member.size) == (info.mode, info.uid, len(content))
        assert member.modified == round(info.mtime * 4) * 250_000_000
        assert member.target == os.fsencode(info.linkname)
        assert digest == (blake3(content).hexdigest() if member.kind == "file" else "")


def test_archive_of_gnu_tar_tells_kinds_links_directories_and_devices(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "sub").mkdir(parents=True)
    (tree / "file").write_bytes(b"x" * 70_000)
    os.link(tree / "file", tree / "twin")
    (tree / "link").symlink_to("x" * 150)
    os.mkfifo(tree / "fifo")
    os.mkdir(os.fsencode(tree) + b"/\xff\n\\ \"'" + b"n" * 200)
    if os.geteuid() == 0:
        os.mknod(tree / "null", 0o020666, os.makedev(1, 3))
    archive = listed(tmp_path, "tree")
    _, told = passed(archive, iter(lambda: 4096, 0))
    members = {member.name.rstrip(b"/"): (member, digest) for member, digest in told}
    first, second = (members[b"tree/file"], members[b"tree/twin"])
    if first[0].kind == "hard link":
        first, second = second, first
    assert (first[0].kind, first[1]) == ("file", blake3(b"x" * 70_000).hexdigest())
    assert (second[0].kind, second[0].target) == ("hard link", first[0].name)
    assert members[b"tree/link"][0].target == b"x" * 150
    assert members[b"tree/fifo"][0].kind == "fifo"
    assert members[b"tree/\xff\n\\ \"'" + b"n" * 200][0].kind == "directory"
    names = set(members[b"tree"][0].records[b"GNU.dumpdir"].split(b"\0"))
    assert {b"Yfile", b"Ytwin", b"Dsub", b"Yfifo"} <= names
    assert members[b"tree/file"][0].modified == (tree / "file").stat().st_mtime_ns
    if os.geteuid() == 0:
        assert members[b"tree/null"][0].device == "c 1 3"


def listed(place: Path, *names: str) -> bytes:
    return subprocess.run(
        [
            *("tar", "--create", "--format=posix", "--sparse", "--pax-option=delete=atime,delete=ctime"),
            *(f"--listed-incremental={place}/state", "--file=-", f"--directory={place}", *names),
        ],
        check=True,
        stdout=subprocess.PIPE,
    ).stdout


@pytest.mark.parametrize("seed", range(4))
def test_sparse_file_has_the_digest_of_what_is_read_of_it(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    file = tmp_path / "sparse"
    with file.open("wb") as output:
        for _ in range(chance.choice([0, 1, 3, 200])):
            output.seek(chance.randrange(1 << 24) & ~4095)
            output.write(chance.randbytes(chance.randrange(1, 9000)))
        output.truncate(chance.choice([1 << 24, (1 << 24) + 5000, (1 << 25) + 1]))
    archive = listed(tmp_path, "sparse")
    assert len(archive) < file.stat().st_size
    stream, [(member, digest)] = passed(archive, iter(lambda: chance.randint(1, 3000), 0))
    assert digest == blake3(file.read_bytes()).hexdigest()
    assert (member.name, member.kind, member.size) == (b"sparse", "file", file.stat().st_size)
    assert stream.ended


def test_hole_of_a_large_file_can_be_left(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(1 << 40)
    archive = listed(tmp_path, "sparse")

    def stop() -> None:
        raise InterruptedError

    stream = Stream(lambda member, digest: None, stop)
    with pytest.raises(InterruptedError):
        stream.feed(memoryview(archive))


@pytest.mark.parametrize("flag", [b"S", b"L", b"D"])
def test_archive_of_another_kind_is_refused(flag: bytes) -> None:
    header = bytearray(tarfile.TarInfo("x").tobuf(tarfile.PAX_FORMAT))
    header[156:157] = flag
    with pytest.raises(RunFailed, match="not known"):
        Stream(lambda member, digest: None, lambda: None).feed(memoryview(header))


def test_what_is_no_archive_is_refused() -> None:
    with pytest.raises(RunFailed, match="no archive"):
        Stream(lambda member, digest: None, lambda: None).feed(memoryview(b"x" * 512))
