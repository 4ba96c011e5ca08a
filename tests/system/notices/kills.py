"""Who leaves notices and who sends them are killed at random instants; what the receivers make of what they get."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from agent.engine.sender_protocol import Request, load_report
from agent.store import Store
from tests.drivers.notifiers.peers import Peer, answer, ok
from tests.notices import notifier
from tests.system.notices.writer import RECEIVERS

COMMAND = (sys.executable, "-I", "-m", "agent", "send-notices")
TURN = 1_000_000
"""Whoever leaves notices counts from another million each time."""

PATIENCE = 900.0


@dataclass
class Account:
    """What came of it: notices per receiver, kills, messages, those that came again, what was lost or out of order."""

    notices: int
    kills: int
    received: int
    repeated: int
    lost: int
    disordered: int

    def __str__(self) -> str:
        return (
            f"{self.kills} kills, {self.notices} acknowledged notices to each of {len(RECEIVERS)} receivers: "
            f"{self.lost} lost, {self.disordered} out of order, "
            f"{self.repeated} of {self.received} messages came again under the same id"
        )


def flaky(seed: int) -> Peer:
    """Return a receiver that refuses a message in thirty for now."""
    chance = random.Random(seed)
    return Peer(*[answer(503) if chance.random() < 1 / 30 else ok() for _ in range(100_000)])


def strike(place: Path, kills: int, seed: int) -> Account:
    """Let notices be left and sent on a store in a place, kill who does either so often, then let it be finished."""
    chance = random.Random(seed)
    state, peers = str(place / "state"), {name: flaky(seed + number) for number, name in enumerate(RECEIVERS)}
    notifiers = {}
    for name, peer in peers.items():
        url = place / f"{name}.url"
        url.write_text(f"{peer.url}\n")
        settings = {"url_file": str(url)}
        notifiers[name] = notifier(name=name, settings=settings, group_wait=0.0, repeat=None, expire=86400.0)
    request = Request(directory=state, host="shop", timezone="UTC", notifiers=notifiers).encode()
    acknowledged: set[int] = set()
    Store(state).close()
    for turn in range((kills + 1) // 2):
        sender, writer = _started(request), _writer(state, 1 + turn * TURN)
        assert writer.stdout is not None
        acknowledged.add(int(writer.stdout.readline()))
        victims = [sender, writer]
        chance.shuffle(victims)
        for victim in victims:
            time.sleep(chance.uniform(0.05, 0.5))
            victim.kill()
        sender.communicate()
        said, _ = writer.communicate()
        # A number that was cut off was not acknowledged.
        acknowledged.update(int(line) for line in said.decode().split("\n")[:-1])
    with Store(state) as store:
        end = time.monotonic() + PATIENCE
        while store.outbox.notices() or store.outbox.waiting_receivers():
            assert time.monotonic() < end, f"{len(store.outbox.messages())} messages still wait"
            said, _ = _started(request).communicate()
            report = load_report(said)
            if report is not None and report.wake is not None:
                time.sleep(max(0.0, min(5.0, report.wake - time.time())))
    found = [_judged(peer, acknowledged) for peer in peers.values()]
    for peer in peers.values():
        peer.close()
    return Account(len(acknowledged), 2 * ((kills + 1) // 2), *(sum(column) for column in zip(*found, strict=True)))


def _writer(state: str, first: int) -> subprocess.Popen[bytes]:
    command = (sys.executable, "-m", "tests.system.notices.writer", state, str(first))
    return subprocess.Popen(command, bufsize=0, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def _started(request: bytes) -> subprocess.Popen[bytes]:
    sender = subprocess.Popen(
        COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=dict(os.environ)
    )
    assert sender.stdin is not None
    sender.stdin.write(request)
    sender.stdin.close()
    sender.stdin = None
    return sender


def _judged(peer: Peer, acknowledged: Collection[int]) -> tuple[int, int, int, int]:
    """Return how many messages came, how many of them again, what never came, and what came before its time."""
    ids: list[str] = []
    told: list[int] = []
    for message in peer.received:
        if message["id"] not in ids:
            ids.append(message["id"])
            told += [int(item["subject"][1:]) for item in message["items"]]
    return len(peer.bodies), len(peer.bodies) - len(ids), len(set(acknowledged) - set(told)), _disorder(told)


def _disorder(told: Sequence[int]) -> int:
    return sum(later < earlier for earlier, later in pairwise(told)) + len(told) - len(set(told))


def main(kills: int, seed: int) -> None:
    """Strike so often, and print what came of it."""
    with tempfile.TemporaryDirectory(prefix="hk-") as place:
        print(f"seed {seed}: {strike(Path(place), kills, seed)}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200, int(sys.argv[2]) if len(sys.argv) > 2 else 1)
