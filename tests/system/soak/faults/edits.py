"""Policy files that are edited well, badly, slowly, or all at once."""

from __future__ import annotations

import random
import shutil
import signal
from pathlib import Path

from tests.system.soak import duties
from tests.system.soak.faults.fault import Fault
from tests.system.soak.world import SoakWorld

WITHIN = 15.0


def in_force_anew(world: SoakWorld, former: str) -> None:
    """The set that was put in force in the end is another one than it was, and good."""
    world.wait(lambda: world.agent.digest() != former, "for the edit to be in force", WITHIN)


def good(world: SoakWorld, chance: random.Random) -> str:
    former = world.agent.digest()
    world.guest += 1
    world.write_policies()
    if chance.random() < 0.5:
        assert world.agent.process is not None
        world.agent.process.send_signal(signal.SIGHUP)
    in_force_anew(world, former)
    return ""


def many_in_a_row(world: SoakWorld, chance: random.Random) -> str:
    former = world.agent.digest()
    times = chance.randint(3, 8)
    for _ in range(times):
        world.guest += 1
        world.write_policies()
        world.live_for(chance.choice((0, 0.05, 0.3)))
    in_force_anew(world, former)
    return f"{times} edits"


def bad(world: SoakWorld, chance: random.Random) -> str:
    name = chance.choice(sorted(duties.BAD))
    restart = world.may_end and chance.random() < 0.3
    former = world.agent.digest()
    (world.agent.policies / "bad.yaml").write_text(duties.BAD[name])
    told_as_bad(world)
    if restart:
        world.kill_daemon()
        world.start()
        told_as_bad(world)
    assert world.agent.digest() == former, "a bad policy set is in force"
    (world.agent.policies / "bad.yaml").unlink()
    return name + (", and a restart" if restart else "")


def told_as_bad(world: SoakWorld) -> None:
    world.wait(lambda: world.agent.metric("hostkeeper_policies_valid") == 0, "for a mistake to be told", WITHIN)


def torn(world: SoakWorld, chance: random.Random) -> str:
    """A file is written in place and slowly; what stands there meanwhile is never in force."""
    former = world.agent.digest()
    world.guest += 1
    text = world.policy_texts()["work.yaml"]
    cuts = sorted(chance.sample(range(len(text)), 3))
    with (world.agent.policies / "work.yaml").open("w") as file:
        for begin, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
            file.write(text[begin:end])
            file.flush()
            world.live_for(chance.uniform(0.1, 1.2))
            assert world.agent.digest() == former, f"a file that is being written is in force, up to {end}"
    world.write_policies()
    in_force_anew(world, former)
    return f"cut at {cuts}"


def emptied(world: SoakWorld, chance: random.Random) -> str:
    former = world.agent.digest()
    away = Path(f"{world.agent.policies}.away")
    away.mkdir()
    for path in world.agent.policies.iterdir():
        path.rename(away / path.name)
    told_as_bad(world)
    restart = world.may_end and chance.random() < 0.3
    if restart:
        world.kill_daemon()
        world.start()
    assert world.agent.digest() == former, "an empty set is in force"
    for path in away.iterdir():
        path.rename(world.agent.policies / path.name)
    away.rmdir()
    return "and a restart" if restart else ""


def replaced(world: SoakWorld, chance: random.Random) -> str:
    """The directory is moved away, and another one takes its place, at once or after a while."""
    former = world.agent.digest()
    world.guest += 1
    away, other = Path(f"{world.agent.policies}.away"), Path(f"{world.agent.policies}.new")
    other.mkdir(mode=0o700)
    for name, text in world.policy_texts().items():
        (other / name).write_text(text)
    world.agent.policies.rename(away)
    seconds = chance.choice((0.0, 0.0, 0.5, 3.0))
    world.live_for(seconds)
    other.rename(world.agent.policies)
    shutil.rmtree(away)
    in_force_anew(world, former)
    return f"after {seconds:g} s"


FAULTS = (
    Fault("edit policies", good),
    Fault("edit policies many times", many_in_a_row),
    Fault("spoil a policy", bad),
    Fault("write a policy slowly", torn),
    Fault("empty the policy directory", emptied),
    Fault("replace the policy directory", replaced),
)
