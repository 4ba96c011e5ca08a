"""What tests of processes share: finding what was left behind, and waiting."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from agent.host.cgroup import Cgroup, Cgroups


def until(condition: Callable[[], Any], within: float = 5.0) -> Any:
    """Wait for a condition to hold and return what it gave."""
    deadline = time.monotonic() + within
    while not (result := condition()):
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.005)
    return result


def carriers(word: str) -> list[int]:
    """Return the living processes with a word in their environment."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if word.encode() in Path(f"/proc/{pid}/environ").read_bytes():
                found.append(int(pid))
        except OSError:
            continue
    return found


def children_of_this_process() -> set[int]:
    """Return the ids of the children of this process, zombies included."""
    found: set[int] = set()
    for task in Path("/proc/self/task").iterdir():
        # A thread that ends meanwhile has given its children to another.
        with suppress(FileNotFoundError, ProcessLookupError):
            found.update(map(int, (task / "children").read_text().split()))
    return found


def groups_of(key: str) -> list[Cgroup]:
    """Given the key of a state directory, return the control groups of its runs."""
    groups = Cgroups.discover()
    prefix = f"hostkeeper-run-{key}-"
    return [groups.group(prefix + run) for run in sorted(groups.named(prefix))] if groups is not None else []


def can_make_groups() -> bool:
    """Return whether this host and user can do with control groups what the agent does with them."""
    groups = Cgroups.discover()
    group = groups.make(f"hostkeeper-test-{os.getpid()}") if groups else None
    return group is not None and group.remove()
