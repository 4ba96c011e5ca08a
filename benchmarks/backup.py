"""Backups beside `tar | zstd`, restic and borg, on one tree: processor time and memory of all processes.

The tree is about 1 GB: many small files and one large one, three quarters of it text, so that it compresses about two
to one, as backups do. Ours is a process of its own each time, with the start of the interpreter. restic encrypts;
borg is let off that. Numbers are the least of some rounds.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

FILES = int(os.environ.get("HOSTKEEPER_BENCH_BACKUP_FILES", "25000"))
SMALL = 20_000
LARGE = int(os.environ.get("HOSTKEEPER_BENCH_BACKUP_LARGE", "500000000"))
ROUNDS = int(os.environ.get("HOSTKEEPER_BENCH_BACKUP_ROUNDS", "2"))
LEVEL = 3
WHOLE = "--format=posix --numeric-owner --xattrs --acls"
"""So that tar brings back what we do: times to the nanosecond, owners, attributes, access lists."""

Row = tuple[str, float, float, float, float]
_LOOK_EVERY = 0.05
ANY = float("inf")
"""A ratio that is told, and is nobody's goal."""


@dataclass(frozen=True)
class Cost:
    """Seconds of the processor, and mebibytes of memory, of all processes together."""

    seconds: float
    memory: float

    def least(self, other: Cost) -> Cost:
        """Return the less of both."""
        return Cost(min(self.seconds, other.seconds), min(self.memory, other.memory))


@dataclass
class Party:
    """Somebody who backs up: what it runs to make ready, and for each act, in a directory of its own."""

    ready: Sequence[Sequence[str]]
    acts: Mapping[str, Sequence[str]]
    environment: Mapping[str, str] = field(default_factory=dict)


def run() -> list[Row]:
    """Return rows: what, ours, the peer's, the ratio, and the goal for it."""
    with tempfile.TemporaryDirectory() as directory:
        tree = Path(directory) / "tree"
        make_tree(tree, FILES, LARGE)
        costs: dict[tuple[str, str], Cost] = {}
        for number in range(ROUNDS):
            place = Path(directory) / str(number)
            # Whoever comes first in a part of a new file system pays for making it ready: everybody is once the first.
            order = sorted(parties(place, tree).items(), reverse=number % 2 == 1)
            for name, party in order:
                for act, cost in measured(place / name, party).items():
                    costs[name, act] = cost.least(costs.get((name, act), cost))
            # Nothing is removed before the end: ext4 spares inodes that were freed in the last minutes, and whoever
            # makes files next pays for the search.
        return [*_rows(costs), _flat(Path(directory))]


def _rows(costs: Mapping[tuple[str, str], Cost]) -> list[Row]:
    def row(act: str, peer: str, goal: float) -> Row:
        mine, theirs = costs["ours", act].seconds, costs[peer, act].seconds
        return (f"{act}, CPU seconds, beside {peer}", mine, theirs, mine / theirs, goal)

    def memory(act: str, peer: str) -> Row:
        mine, theirs = costs["ours", act].memory, costs[peer, act].memory
        return (f"{act}, peak MiB, beside {peer}", mine, theirs, mine / theirs, ANY)

    goals = {("first", "tar-zstd"): 1.25, ("second", "restic"): 0.2, ("restore", "tar-zstd"): 1.25}
    pairs = [(act, peer) for act in ("first", "second", "verify", "restore") for peer in ("tar-zstd", "restic", "borg")]
    chain, whole = costs["ours", "restore-chain"].seconds, costs["tar-zstd", "restore"].seconds
    return [
        *(row(act, peer, goals.get((act, peer), ANY)) for act, peer in pairs),
        ("restore of full and incremental, CPU seconds, beside one tar-zstd", chain, whole, chain / whole, ANY),
        *(memory(act, peer) for act, peer in pairs),
    ]


def _flat(directory: Path) -> Row:
    """Hold the memory of a backup of many files against that of a fifth as many."""
    peaks = []
    for count in (FILES, FILES * 5):
        place = directory / f"flat-{count}"
        make_tree(place / "tree", count, 0, size=10)
        costs = measured(place, _ours(place, place / "tree"), only=("first",))
        peaks.append(costs["first"].memory)
        shutil.rmtree(place)
    return (f"peak MiB of {FILES * 5} files beside {FILES}", peaks[1], peaks[0], peaks[1] / peaks[0], 1.25)


def parties(place: Path, tree: Path) -> dict[str, Party]:
    """Return who is measured, with directories below `place`."""
    return {
        "ours": _ours(place / "ours", tree),
        "tar-zstd": _pipe(place / "tar-zstd", tree),
        "restic": _restic(place / "restic", tree),
        "borg": _borg(place / "borg", tree),
    }


def _ours(place: Path, tree: Path) -> Party:
    def act(name: str) -> list[str]:
        return [sys.executable, "-m", "benchmarks.backing", name, str(place), str(tree), str(LEVEL)]

    acts = {
        "first": act("create"),
        "second": act("create"),
        "verify": act("verify"),
        "restore": act("restore"),
        "restore-chain": act("restore-chain"),
    }
    return Party([], acts)


def _pipe(place: Path, tree: Path) -> Party:
    def shell(text: str) -> list[str]:
        return ["sh", "-c", text]

    into, top, name = place / "backup.tar.zst", tree.parent, tree.name
    acts = {
        "first": shell(f"tar -C {top} {WHOLE} --sparse -cf - {name} | zstd -q -{LEVEL} -T1 -o {into}"),
        # All that tar can do to find out is to look at every file.
        "second": shell(f"tar -C {top} -cf /dev/null {name}"),
        "verify": ["zstd", "-q", "-t", str(into)],
        "restore": shell(f"mkdir {place}/restored && zstd -dc {into} | tar -C {place}/restored {WHOLE} -xpf -"),
    }
    return Party([], acts)


def _restic(place: Path, tree: Path) -> Party:
    restic = ["restic", "--quiet", "--repo", str(place / "repository"), "--cache-dir", str(place / "cache")]
    acts = {
        "first": [*restic, "backup", str(tree)],
        "second": [*restic, "backup", str(tree)],
        "verify": [*restic, "check", "--read-data"],
        "restore": [*restic, "restore", "latest", "--target", str(place / "restored")],
    }
    return Party([[*restic, "init", "--repository-version", "2"]], acts, {"RESTIC_PASSWORD": "benchmark"})


def _borg(place: Path, tree: Path) -> Party:
    repository = str(place / "repository")
    restored = place / "restored"
    acts = {
        "first": ["borg", "create", "-C", f"zstd,{LEVEL}", f"{repository}::first", str(tree)],
        "second": ["borg", "create", "-C", f"zstd,{LEVEL}", f"{repository}::second", str(tree)],
        "verify": ["borg", "check", "--verify-data", repository],
        "restore": ["sh", "-c", f"mkdir {restored} && cd {restored} && borg extract {repository}::second"],
    }
    # Where borg is only unpacked, its modules lie beside its command.
    modules = Path(os.path.realpath(shutil.which("borg") or "borg")).parents[1] / "lib/python3/dist-packages"
    environment = {"BORG_BASE_DIR": str(place), "PYTHONPATH": str(modules)}
    return Party([["borg", "init", "--encryption", "none", repository]], acts, environment)


def measured(place: Path, party: Party, only: Sequence[str] = ()) -> dict[str, Cost]:
    """Have somebody make ready and act, and return what each act cost."""
    place.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, **party.environment}
    for command in party.ready:
        subprocess.run(command, check=True, env=environment, capture_output=True)
    return {
        act: _cost(command, environment, place / "log")
        for act, command in party.acts.items()
        if act in only or not only
    }


def _cost(command: Sequence[str], environment: Mapping[str, str], log: Path) -> Cost:
    os.sync()
    ended = threading.Event()
    peaks: list[float] = []
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
        watcher = threading.Thread(target=lambda: peaks.append(_peak(process.pid, ended)))
        watcher.start()
        _, status, used = os.wait4(process.pid, 0)
        ended.set()
        watcher.join()
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command} ended with {process.returncode}:\n{log.read_text()}")
    return Cost(used.ru_utime + used.ru_stime, peaks[0])


def _peak(pid: int, ended: threading.Event) -> float:
    """Return the most memory that a process and its descendants were seen to share out among them, in mebibytes."""
    peak = 0
    while not ended.wait(_LOOK_EVERY):
        total = 0
        with contextlib.suppress(psutil.NoSuchProcess):
            root = psutil.Process(pid)
            for one in (root, *root.children(recursive=True)):
                with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                    total += one.memory_full_info().pss
        peak = max(peak, total)
    return peak / (1 << 20)


def make_tree(place: Path, count: int, large: int, size: int = SMALL) -> None:
    """Make a tree of `count` small files of about `size` bytes, and one of `large`; three quarters of each are text."""
    chance = random.Random(7)
    words = [bytes(chance.choices(b"abcdefghijklmnopqrstuvwxyz", k=chance.randint(3, 9))) for _ in range(4000)]
    text = b" ".join(chance.choices(words, k=1_000_000))
    noise = chance.randbytes(len(text))
    for number in range(count):
        directory = place / f"{number % 200:03}" / f"{number // 200 % 10}"
        directory.mkdir(parents=True, exist_ok=True)
        length = chance.randint(size // 4, size * 7 // 4) // 4
        (directory / f"file-{number:06}").write_bytes(_slice(text, 3 * length, chance) + _slice(noise, length, chance))
    if large:
        with (place / "large").open("wb") as file:
            while (left := large - file.tell()) > 0:
                file.write((_slice(text, 3 << 19, chance) + chance.randbytes(1 << 19))[:left])


def _slice(pool: bytes, length: int, chance: random.Random) -> bytes:
    at = chance.randrange(len(pool) - length)
    return pool[at : at + length]
