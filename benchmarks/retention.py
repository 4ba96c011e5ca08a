"""Deleting old files: our action beside `find -delete`, `systemd-tmpfiles --clean` and `tmpreaper` on equal trees.

All trees are made before anything is deleted: ext4 is slow to give out inodes that were just freed. CPU is what the
kernel accounts to each process and its children. By hand: `python -m benchmarks.retention --files 100000 [DIRECTORY]`.
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Collection
from pathlib import Path

Row = tuple[str, float, float, float, float]

FILES = 400_000
PER_DIRECTORY = 1_000
OLD = 1_000_000_000
AGE_DAYS = 7

OURS = "files.retain"
LIMITED = "files.retain, limits.items"
TELLING = "tmpreaper --showdeleted"
GOALS = {"find -delete": 1.25, TELLING: 1.0}
"""Of the peers, only tmpreaper with this option says what it deleted, as we always do. With a limit of items we count
all names before the first deletion, which no peer does: those rows have no goal."""

POLICY = """
version: 1
tasks:
  clean:
    action: files.retain
    with: {{paths: [{tree}], max_age: {age}d}}
    limits: {{items: {files}}}
"""

ACTION = """
import sys
from datetime import UTC, datetime
from agent.actions.files.retain import ACTION
from agent.host.clock import SystemClock
from agent.host.objects import FileObjectLog
from agent.model.policies import Limits
from agent.ports import Context

class Memory:
    def __init__(self): self.facts = {}
    def recall(self, key): return self.facts.get(key)
    def remember(self, key, value): self.facts[key] = value

def ignore(*_): return None

tree, state, files, limit, old = sys.argv[1:]
options = ACTION.options(
    paths=[tree], match=["*"], exclude=[], max_age=int(old) * 86400.0, max_count=None, max_size=None, keep_latest=0,
    min_age=0.0, group_by="path", max_depth=None, cross_mounts=False, symbolic_links=False, empty_directories=False,
    empty_directory_age=0.0, missing="fail", beyond_history="refuse", suspect_clock="refuse",
)
context = Context(
    task="benchmark", run=1, now=datetime.now(UTC), limits=Limits(items=int(limit) or None), clock=SystemClock(),
    processes=None, memory=Memory(), objects=FileObjectLog(state, 1), ledger=None, discoveries=None, samples=None,
    host="benchmark", place=state, explain=ignore, checkpoint=ignore, stopping=lambda: False, progress=ignore,
)
deleted = sum(step.do().facts.get("deleted", 0) for step in ACTION.plan(options, context))
assert deleted == int(files), deleted
"""

BARE = """
import sys
from agent.host.tree import Kernel, Walk, clean, open_root
from agent.model.reasons import Reason

def judge(name, about):
    return Reason.TOO_OLD if about.st_mtime_ns < 1_100_000_000 * 10**9 else Reason.YOUNG_ENOUGH

root = open_root(sys.argv[1], Kernel())
for directory, entering in Walk(root, cross_mounts=False, max_depth=None, report=print):
    if entering:
        for batch in clean(directory, judge, {Reason.TOO_OLD}):
            pass
"""


def make_tree(path: Path, files: int, size: int) -> None:
    """Make a tree of old files of a size in bytes, 1,000 to a directory."""
    content = b"x" * size
    for number in range(0, files, PER_DIRECTORY):
        directory = path / f"{number // PER_DIRECTORY:05d}"
        directory.mkdir(parents=True)
        fd = os.open(directory, os.O_RDONLY)
        for one in range(min(PER_DIRECTORY, files - number)):
            file = os.open(f"session-{number + one:08d}.part", os.O_CREAT | os.O_WRONLY, 0o644, dir_fd=fd)
            os.write(file, content)
            os.utime(file, (OLD, OLD))
            os.close(file)
        os.close(fd)


def contenders(place: Path, files: int) -> dict[str, Callable[[Path], list[str]]]:
    """Return what deletes the files of a tree, by name: functions from the tree to an argument list."""

    def tmpfiles(tree: Path) -> list[str]:
        rules = place / f"{tree.name}.conf"
        rules.write_text(f"d {tree} - - - m:{AGE_DAYS}d\n", encoding="utf-8")
        return ["systemd-tmpfiles", "--clean", str(rules)]

    tmpreaper = ["tmpreaper", "--runtime=0", "--mtime", f"{AGE_DAYS}d"]

    def command(tree: Path) -> list[str]:
        policies = place / f"{tree.name}.d"
        policies.mkdir(mode=0o755)
        (policies / "policy.yaml").write_text(POLICY.format(tree=tree, age=AGE_DAYS, files=files), encoding="utf-8")
        places = ["--policies", str(policies), "--state", str(place / f"{tree.name}.state")]
        return [sys.executable, "-m", "agent", "run", "clean", *places]

    python, objects = [sys.executable, "-c"], str(place / "objects")
    return {
        OURS: lambda tree: [*python, ACTION, str(tree), objects, str(files), "0", str(AGE_DAYS)],
        LIMITED: lambda tree: [*python, ACTION, str(tree), objects, str(files), str(files), str(AGE_DAYS)],
        "hostkeeper run": command,
        "bare walk": lambda tree: [*python, BARE, str(tree)],
        "find -delete": lambda tree: ["find", str(tree), "-mindepth", "1", "-delete"],
        "find -mtime -delete": lambda tree: ["find", str(tree), "-type", "f", "-mtime", f"+{AGE_DAYS}", "-delete"],
        "systemd-tmpfiles": tmpfiles,
        "tmpreaper": lambda tree: [*tmpreaper, str(tree)],
        TELLING: lambda tree: [*tmpreaper, "--showdeleted", str(tree)],
    }


def cpu_of(argv: list[str]) -> float:
    """Run a program to its end and return the seconds of CPU that it and its children took."""
    # Bytecode is written as it is for an installed agent, so that a first run compiles and the others do not.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryFile() as output:
        pid = os.posix_spawnp(
            argv[0],
            argv,
            environment,
            file_actions=[(os.POSIX_SPAWN_DUP2, output.fileno(), 1), (os.POSIX_SPAWN_DUP2, output.fileno(), 2)],
        )
        _, status, used = os.wait4(pid, 0)
        output.seek(0)
        if status:
            raise RuntimeError(f"{argv[0]} failed: {output.read().decode(errors='replace')}")
    return used.ru_utime + used.ru_stime


def measure(
    directory: str | None, files: int, *, size: int = 0, rounds: int = 1, names: Collection[str] = ()
) -> dict[str, float]:
    """Return the median seconds of CPU by contender, over rounds on trees of their own in a directory."""
    with tempfile.TemporaryDirectory(prefix="hostkeeper-retention-", dir=directory) as name:
        place = Path(name)
        names = list(names or contenders(place, files))
        trees = {
            (one, turn): place / f"tree-{index}-{turn}" for turn in range(rounds) for index, one in enumerate(names)
        }
        for tree in trees.values():
            make_tree(tree, files, size)
        os.sync()
        warm_up(place)
        taken: dict[str, list[float]] = {one: [] for one in names}
        for (one, _), tree in trees.items():
            taken[one].append(cpu_of(contenders(place, files)[one](tree)))
            left = sum(len(found) for _, _, found in os.walk(tree))
            if left:
                raise RuntimeError(f"{one} left {left} files")
        return {one: statistics.median(seconds) for one, seconds in taken.items()}


def warm_up(place: Path) -> None:
    """Have every contender's program read from the disk, and ours compiled, before anything counts."""
    for number, argv in enumerate(contenders(place, 1).values()):
        tree = place / f"warm-{number}"
        make_tree(tree, 1, 0)
        cpu_of(argv(tree))


def run() -> list[Row]:
    """Return rows of: name, our seconds of CPU, a peer's, the ratio, and the goal for it."""
    files = int(os.environ.get("HOSTKEEPER_BENCH_FILES", FILES))
    # The tree made first is the coldest: it goes to whoever has no goal. The others change places.
    turns = [measure(None, files, names=[LIMITED, *order]) for order in ([OURS, *GOALS], [*GOALS, OURS])]
    taken = {one: statistics.mean(turn[one] for turn in turns) for one in turns[0]}
    return [
        (f"{name} beside {peer}, CPU s", taken[name], taken[peer], taken[name] / taken[peer], allowed)
        for peer, goal in GOALS.items()
        for name, allowed in ((OURS, goal), (LIMITED, math.inf))
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.retention", description=__doc__)
    parser.add_argument("directory", nargs="?", help="where to make the trees; a temporary directory by default")
    parser.add_argument("--files", type=int, default=FILES, help="files in each tree (%(default)s)")
    parser.add_argument("--size", type=int, default=0, help="bytes in each file (%(default)s)")
    parser.add_argument("--rounds", type=int, default=1, help="trees for each contender, of which the median counts")
    arguments = parser.parse_args()
    taken = measure(arguments.directory, arguments.files, size=arguments.size, rounds=arguments.rounds)
    print(f"{f'{arguments.files:,} files of {arguments.size:,} bytes':<36}  CPU s  us/file  ours is")
    for one, seconds in taken.items():
        print(f"{one:<36} {seconds:>6.2f} {seconds / arguments.files * 1e6:>8.2f} {taken[OURS] / seconds:>8.2f}")


if __name__ == "__main__":
    main()
