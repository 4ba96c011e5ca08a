"""The archive that goes by: every member as tar and the kernel know it, in pieces of any length."""

from __future__ import annotations

import io
import itertools
import os
import random
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent.digests import sha256
from agent.drivers.repositories.tar.hashing import Summing
from agent.drivers.repositories.tar.headers import Member, absolute
from agent.drivers.repositories.tar.members import Stream
from agent.drivers.repository import Damaged

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


def stream_of(archive: bytes, cuts: Iterator[int], heard: Callable[[int], None] = lambda _: None) -> Stream:
    """Give an archive in pieces of the given lengths."""
    file = io.BytesIO(archive)
    return Stream(lambda buffer: file.readinto(buffer[: next(cuts)]), "it", heard)


def passed(archive: bytes, cuts: Iterator[int]) -> list[tuple[Member, str]]:
    """Read an archive to its end in pieces of the given lengths."""
    stream = stream_of(archive, cuts)
    summing = Summing(stream)
    return [
        (member, summing.take(member) if member.kind == "file" else "") for member in iter(stream.next, None) if member
    ]


@pytest.mark.parametrize("most", [1, 7, 512, 700, 1 << 20])
def test_archive_of_tarfile_tells_every_member(most: int) -> None:
    for seed in range(5):
        chance = random.Random(seed)
        check(*archive_of(chance), chance, most)


def check(archive: bytes, members: list[tuple[tarfile.TarInfo, bytes]], chance: random.Random, most: int) -> None:
    told = passed(archive, iter(lambda: chance.randint(1, most), 0))
    assert len(told) == len(members)
    for (member, digest), (info, content) in zip(told, members, strict=True):
        assert member.path == absolute(os.fsencode(info.name))
        assert (member.mode, member.uid, member.size) == (info.mode, info.uid, len(content))
        assert member.modified == round(info.mtime * 4) * 250_000_000
        assert member.target == os.fsencode(info.linkname)
        assert digest == (sha256(content).hexdigest() if member.kind == "file" else "")


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
    told = passed(archive, iter(lambda: 4096, 0))
    members = {member.path: (member, digest) for member, digest in told}
    first, second = (members[b"/tree/file"], members[b"/tree/twin"])
    if first[0].kind == "hard link":
        first, second = second, first
    assert (first[0].kind, first[1]) == ("file", sha256(b"x" * 70_000).hexdigest())
    assert (second[0].kind, second[0].target) == ("hard link", first[0].path)
    assert members[b"/tree/link"][0].target == b"x" * 150
    assert members[b"/tree/fifo"][0].kind == "fifo"
    assert members[b"/tree/\xff\n\\ \"'" + b"n" * 200][0].kind == "directory"
    names = set(members[b"/tree"][0].records[b"GNU.dumpdir"].split(b"\0"))
    assert {b"Yfile", b"Ytwin", b"Dsub", b"Yfifo"} <= names
    assert members[b"/tree/file"][0].modified == (tree / "file").stat().st_mtime_ns
    if os.geteuid() == 0:
        assert members[b"/tree/null"][0].device == "c 1 3"


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
    [(member, digest)] = passed(archive, iter(lambda: chance.randint(1, 3000), 0))
    assert digest == sha256(file.read_bytes()).hexdigest()
    assert (member.path, member.kind, member.size) == (b"/sparse", "file", file.stat().st_size)


def test_hole_of_a_large_file_can_be_left(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(1 << 40)
    archive = listed(tmp_path, "sparse")

    def heard(more: int) -> None:
        if not more:
            raise InterruptedError

    stream = stream_of(archive, itertools.repeat(4096), heard)
    member = stream.next()
    assert member is not None
    with pytest.raises(InterruptedError):
        Summing(stream).take(member)


def test_archive_that_ends_within_an_object_is_cut(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 3000)
    archive = listed(tmp_path, "file")
    for length in (0, 511, 1536, 2000, 1536 + 3000, 1536 + 3072 + 600):
        with pytest.raises(Damaged, match="ends too early"):
            passed(archive[:length], itertools.repeat(4096))


def test_time_of_the_usual_kind_is_read_alike_wherever_a_piece_ends() -> None:
    """Its headers are taken at once where they are there as a whole, and one by one where not."""
    info = tarfile.TarInfo("x")
    info.pax_headers = {"mtime": "1796046442.123456789"}
    archive = info.tobuf(tarfile.PAX_FORMAT) * 3 + bytes(1024)
    for most in (1, 1535, 1536, 4096):
        assert [one.modified for one, _ in passed(archive, itertools.repeat(most))] == [1796046442123456789] * 3
    for damaged in (archive.replace(b"30 mtime", b"31 mtime"), archive.replace(b"789\n", b"789x")):
        with pytest.raises(Damaged):
            passed(damaged, itertools.repeat(4096))


@pytest.mark.parametrize("flag", [b"S", b"L", b"D"])
def test_archive_of_another_kind_is_refused(flag: bytes) -> None:
    header = bytearray(tarfile.TarInfo("x").tobuf(tarfile.PAX_FORMAT))
    header[156:157] = flag
    with pytest.raises(Damaged, match="does not belong there"):
        passed(bytes(header), itertools.repeat(4096))


def test_what_is_no_archive_is_refused() -> None:
    with pytest.raises(Damaged, match="no archive"):
        passed(b"x" * 512, itertools.repeat(4096))
