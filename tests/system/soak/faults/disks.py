"""A disk that is full or breaks, and a store that somebody else keeps."""

from __future__ import annotations

import os
import random
import subprocess
import time

from agent.rules.condition_json import load_state
from agent.rules.series import parse_state_key
from agent.store import Store
from agent.store.connection import BUSY_TIMEOUT_MS
from tests.system.scenarios.scenario import LONG_AGO
from tests.system.soak.disk import MIB
from tests.system.soak.faults.fault import Fault
from tests.system.soak.world import SoakWorld

SWEPT_WITHIN = 30.0


def fill(world: SoakWorld, chance: random.Random, *, restart: bool) -> str:
    bytes_too, inodes_too = chance.choice(((True, False), (False, True), (True, True)))
    if inodes_too:
        world.disk.fill_inodes()
    if bytes_too:
        world.disk.fill_bytes()
    if restart:
        world.kill_daemon()
        world.start()
    seconds = chance.uniform(2, 6)
    world.live_for(seconds)
    if bytes_too:
        # Whatever was freed meanwhile goes too.
        world.disk.fill_bytes()
    world.live_for(1)
    answers(world)
    world.disk.empty()
    what = " and ".join(["bytes"] * bytes_too + ["inodes"] * inodes_too)
    return f"no {what} for {seconds:.1f} s"


def answers(world: SoakWorld) -> None:
    """The daemon goes on telling how it is, whatever its disk does."""
    world.wait(lambda: world.agent.get("/metrics")[0] == 200, "for the metrics page", 10)


def fill_disk(world: SoakWorld, chance: random.Random) -> str:
    return fill(world, chance, restart=False)


def fill_disk_and_restart(world: SoakWorld, chance: random.Random) -> str:
    return fill(world, chance, restart=True)


def fill_what_is_swept(world: SoakWorld, _chance: random.Random) -> str:
    """A directory fills the disk that the agent itself empties when a threshold trips."""
    world.wait(lambda: not _firing(world), "for the threshold to clear")
    swept = world.disk.root / "swept"
    with (swept / f"{time.monotonic_ns()}").open("wb") as file:
        # At once: the threshold trips but once, and what came after its remedy would stay.
        os.posix_fallocate(file.fileno(), 0, _free(world) - MIB // 4)
        os.utime(file.fileno(), (LONG_AGO, LONG_AGO))
    began = time.monotonic()
    world.wait(lambda: _free(world) > 10 * MIB, "for the agent to free its disk", SWEPT_WITHIN)
    return f"freed after {time.monotonic() - began:.1f} s"


def _free(world: SoakWorld) -> int:
    about = os.statvfs(world.disk.root)
    return about.f_bavail * about.f_frsize


def _firing(world: SoakWorld) -> bool:
    """Say whether the threshold on the disk has tripped and not cleared, by what the agent has stored."""
    with Store(str(world.agent.state), read_only=True) as store:
        states = [(parse_state_key(key)[0], load_state(text)) for key, text in store.conditions.all().items()]
    return any(name == "filling" and state.fired_at is not None for name, state in states)


def break_disk(world: SoakWorld, chance: random.Random) -> str:
    """The kernel makes the disk read-only under everybody; then it is checked and mounted anew."""
    world.disk.abort()
    seconds = chance.uniform(2, 5)
    world.live_for(seconds)
    answers(world)
    world.kill_daemon()
    world.kill_runs()
    # The number of the device, and with it the names of the groups, may be another one then, as after a reboot.
    for group in world.agent.groups():
        assert group.remove(), f"{group.path} is not empty"
    world.disk.mend()
    return f"{seconds:.1f} s"


def lock_store(world: SoakWorld, chance: random.Random) -> str:
    """Another process writes to the store and does not come to an end."""
    seconds = chance.choice((1.0, 3.0, 5.0, BUSY_TIMEOUT_MS / 1000 + 2))
    with world.agent.store_locked():
        world.live_for(seconds)
        answers(world)
    return f"{seconds:g} s"


def trip_breaker(world: SoakWorld, chance: random.Random) -> str:
    """A process appears that a threshold looks for; once its remedy is held, it is released as an admin would."""
    seconds = chance.uniform(1.5, 4)
    with subprocess.Popen([str(world.alarm), "60"]) as alarm:
        world.live_for(seconds)
        alarm.kill()
    world.live_for(1.5)
    held = sorted(world.held())
    for name in held:
        code = world.command("release-hold", name)
        assert code == 0, f"release-hold {name} ended with {code}"
    return f"{seconds:.1f} s" + (f", released {', '.join(held)}" if held else "")


FAULTS = (
    Fault("fill the disk", fill_disk),
    Fault("fill the disk and restart", fill_disk_and_restart, ends=True),
    Fault("fill what is swept", fill_what_is_swept),
    Fault("break the disk", break_disk, ends=True),
    Fault("lock the store", lock_store),
    Fault("trip a breaker", trip_breaker),
)
