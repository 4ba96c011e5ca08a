"""Run a soak: `python -m tests.system.soak [--seconds N] [--seed N]`. Needs root. Exit code 1: something did not hold.

Everything happens in a mount and a process namespace of its own, so that nothing else on the host sees its disk or its
processes, and nothing of it is left whatever ends it.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import shutil
import signal
import statistics
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from agent.errors import AgentError
from tests.system.soak import vitals
from tests.system.soak.course import Course
from tests.system.soak.disk import SmallDisk
from tests.system.soak.faults import FAULTS
from tests.system.soak.faults.fault import Fault
from tests.system.soak.world import SoakWorld

INSIDE = "HOSTKEEPER_SOAK_INSIDE"
NAMESPACES = ("--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
MIB_PER_HOUR = 24
TAIL = 60


def main() -> int:
    """Parse the arguments, go into namespaces, and strike."""
    parser = argparse.ArgumentParser(prog="python -m tests.system.soak", description=__doc__)
    parser.add_argument(
        "--seconds", type=float, default=600, help="how long to strike; 600 by default, 28800 is a night"
    )
    parser.add_argument("--seed", type=int, default=None, help="the seed of the faults; a random one by default")
    parser.add_argument("--only", action="append", choices=FAULTS, metavar="FAULT", help="strike with this fault alone")
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        print("skipped: the soak needs root, for a file system and namespaces of its own")
        return 0
    if INSIDE not in os.environ:
        again = [sys.executable, "-m", "tests.system.soak", *sys.argv[1:]]
        os.execvpe("unshare", ["unshare", *NAMESPACES, *again], {**os.environ, INSIDE: "1"})
    # The first process of a namespace gets only those signals that it has asked for.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    seed = random.randrange(1 << 32) if arguments.seed is None else arguments.seed
    return soak(arguments.seconds, seed, [FAULTS[name] for name in arguments.only or FAULTS])


def soak(seconds: float, seed: int, faults: Sequence[Fault]) -> int:
    """Strike for so many seconds with these faults by the schedule of a seed; return an exit code."""
    print(f"soak of {seconds:g} s, --seed {seed}", flush=True)
    # Not below the directories of anybody: a socket's path must be short, and every directory above root's alone.
    place = Path(tempfile.mkdtemp(prefix="hk-soak-", dir="/tmp"))
    log = (place / "faults").open("a", encoding="utf-8")
    began = time.monotonic()

    def say(line: str) -> None:
        print(f"{time.strftime('%H:%M:%S')} {time.monotonic() - began:7.1f} {line}", file=log, flush=True)

    disk = SmallDisk(place, mib=64 + round(MIB_PER_HOUR * seconds / 3600), inodes=1024)
    course = Course(SoakWorld(place, disk), seed, say, faults)
    code = 0
    try:
        course.run(seconds)
    except KeyboardInterrupt:
        print("told to stop")
        code = 130
    except Exception as error:  # whatever it is, who reads of it needs the evidence
        say(traceback.format_exc())
        keep(course, place, seed, error)
        code = 1
    finally:
        log.close()
        end(course.world)
    if code != 1:
        tell(course, seconds=time.monotonic() - began)
        remove(disk, place)
    return code


def keep(course: Course, place: Path, seed: int, error: Exception) -> None:
    """Keep the evidence beyond the end of this namespace, and print what one looks at first, last what did not hold."""
    (place / "evidence").mkdir()
    for name in ("state", "tidied", "counted"):
        # The disk may be what is broken; what is printed below comes in any case.
        with suppress(OSError, shutil.Error):
            shutil.copytree(course.world.disk.root / name, place / "evidence" / name, symlinks=True)
    with suppress(OSError, AgentError):
        (place / "evidence" / "story").write_text(course.world.story())
    log = course.world.agent.log.read_text(encoding="utf-8", errors="replace")
    print(f"the agent's log ended with:\n{''.join(log.splitlines(keepends=True)[-TAIL:])}")
    print((place / "faults").read_text())
    print(f"SOAK FAILED: {type(error).__name__}: {error}; --seed {seed}; the evidence is kept in {place}", flush=True)


def end(world: SoakWorld) -> None:
    """End every process of the soak."""
    if world.agent.process is not None:
        world.agent.process.kill()
        world.agent.process.wait()
    world.kill_runs()


def remove(disk: SmallDisk, place: Path) -> None:
    """Remove everything that the soak made."""
    disk.unmount()
    shutil.rmtree(place)


def tell(course: Course, *, seconds: float) -> None:
    """Print what was done, and what it cost."""
    world = course.world
    print(f"{sum(course.struck.values())} faults in {seconds:.0f} s, and everything held after each")
    for name, times in sorted(course.struck.items()):
        print(f"  {times:4} {name}")
    if spared := sorted({fault.name for fault in course.faults} - course.struck.keys()):
        print(f"never struck: {', '.join(spared)}")
    print("runs: " + ", ".join(f"{number} {state}" for state, number in sorted(course.ended.items())))
    print(f"due times: {world.dues.asked} had their one run; {world.dues.excused} were late enough to be made up for")
    print(f"daemon: {world.starts} starts, the slowest ready after {world.slowest_start:.2f} s")
    print(f"errors that faults of the host made in the agent's log: {world.errors}")
    for life in course.lives:
        tell_life(life)
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    own, others = (use.ru_utime + use.ru_stime for use in usage)
    print(f"processor: {(own + others) / seconds:.1%} of one, of which the soak itself {own / seconds:.1%}", flush=True)


def tell_life(life: Sequence[vitals.Vitals]) -> None:
    """Print what one long life of the daemon took."""
    warm = vitals.of_one_life(life)
    if len(warm) < vitals.FEWEST:
        return
    memory = [look.memory for look in warm]
    by = vitals.slope([(look.at, look.memory) for look in warm])
    print(
        f"one life of {life[-1].at - life[0].at:.0f} s: resident memory {memory[0]:.1f} MiB to {memory[-1]:.1f} MiB, "
        f"at most {max(memory):.1f}, by {by:+.2f} MiB an hour; "
        f"files {statistics.median(look.files for look in warm):g}, at most {max(look.files for look in warm)}; "
        f"threads {max(look.threads for look in warm)}"
    )


if __name__ == "__main__":
    sys.exit(main())
