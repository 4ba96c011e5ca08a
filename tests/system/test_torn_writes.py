"""Policies that are written slowly: nothing but the whole file is ever put in force, however it is written.

One agent for each sample, all at the same time. Every prefix stands on disk for a moment; at some of them, chosen by
chance among those that would be good policies and among all others, the writer rests for longer than the agent waits
for quiet.
"""

from __future__ import annotations

import hashlib
import os
import random
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from agent.daemon.files import SETTLED_SECONDS
from agent.policy.broken import Broken
from agent.policy.compile import Compiler
from agent.policy.link import digest_of
from tests.policy.samples import GOOD
from tests.system.agent import AgentUnderTest, agent_in, wait_for

RESTS = 12
REST_SECONDS = (0.45, 0.75)
"""Longer than the quiet after which an agent looks, and than its look takes."""

APPENDING_SECONDS = 8.0
"""Longer than changes that do not come to an end are waited out."""

OTHER = b"version: 1\n"
WITHIN = 40.0


@dataclass
class Writer:
    """Writes one sample again and again, and remembers what the agent may put in force."""

    agent: AgentUnderTest
    sample: bytes
    chance: random.Random
    may_be: list[str] = field(default_factory=list)
    excused: list[str] = field(default_factory=list)

    @property
    def path(self) -> Path:
        return self.agent.policies / "sample.yaml"

    def text(self, version: int) -> bytes:
        return self.sample + f"\n# written a {version}. time\n".encode()

    def start(self) -> None:
        (self.agent.policies / "other.yaml").write_bytes(OTHER)
        self.agent.settings("sample_every: 30s\n")
        self.agent.start(ready=False)
        self.may_be.append(digest_of({"other.yaml": hashlib.sha256(OTHER).hexdigest()}))

    def digest(self, data: bytes) -> str:
        files = {"other.yaml": OTHER, "sample.yaml": data}
        return digest_of({name: hashlib.sha256(data).hexdigest() for name, data in files.items()})

    def rests(self, data: bytes) -> set[int]:
        """Return the lengths of prefixes to rest at: as many good policies as may be, and some others."""
        good = [end for end in (i + 1 for i, byte in enumerate(data) if byte == ord("\n")) if _is_good(data[:end])]
        chosen = self.chance.sample(good[:-1], min(len(good) - 1, RESTS // 2)) if len(good) > 1 else []
        return {*chosen, *self.chance.sample(range(len(data)), RESTS - len(chosen))}

    def write_slowly(self, version: int, flags: int) -> None:
        """Write byte by byte into a file that is kept open."""
        data = self.text(version)
        rests = self.rests(data)
        handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | flags, 0o600)
        for length in range(len(data)):
            if length in rests:
                time.sleep(self.chance.uniform(*REST_SECONDS))
            os.write(handle, data[length : length + 1])
            time.sleep(0.001)
        self.may_be.append(self.digest(data))
        os.close(handle)

    def append(self, version: int) -> None:
        """Write piece by piece, with the file closed in between for less than the agent waits."""
        data = self.text(version)
        pause = min(SETTLED_SECONDS / 2, APPENDING_SECONDS / len(data))
        self.path.write_bytes(b"")
        for length in range(len(data)):
            closed = time.monotonic()
            time.sleep(self.chance.uniform(pause / 2, pause))
            with self.path.open("ab", buffering=0) as file:
                # On a machine that was busy elsewhere, the file stood there for so long that it passes for complete.
                if time.monotonic() - closed > SETTLED_SECONDS * 0.8:
                    self.excused.append(self.digest(data[:length]))
                if length == len(data) - 1:
                    self.may_be.append(self.digest(data))
                file.write(data[length : length + 1])

    def is_in_force(self) -> bool:
        return self.agent.digest() == self.may_be[-1]

    def judge(self) -> None:
        """What was put in force is what may be, each once and in this order."""
        seen = self.agent.put_in_force()
        excused = {digest[:12] for digest in self.excused}
        assert [digest for digest in seen if digest not in excused] == [digest[:12] for digest in self.may_be]


def _is_good(data: bytes) -> bool:
    try:
        COMPILER.policy(data, "sample.yaml")
    except Broken:
        return False
    return True


COMPILER = Compiler()


@pytest.fixture
def writers() -> Iterator[list[Writer]]:
    seed = int(os.environ.get("HOSTKEEPER_TEST_SEED", str(random.randrange(1 << 32))))
    print(f"HOSTKEEPER_TEST_SEED={seed}")
    with ExitStack() as stack:
        made = []
        for number, sample in enumerate(GOOD):
            place = stack.enter_context(tempfile.TemporaryDirectory(prefix="hk-", dir="/tmp"))
            agent = stack.enter_context(agent_in(Path(place)))
            made.append(Writer(agent, sample.read_bytes(), random.Random(seed + number)))
            made[-1].start()
        for writer in made:
            wait_for(writer.agent.is_ready, 60)
            wait_for(writer.is_in_force, WITHIN)
        yield made


def all_at_once(writers: list[Writer], what: str, *arguments: int) -> None:
    """Let every writer do something at the same time, and wait until it is in force."""
    threads = [threading.Thread(target=getattr(writer, what), args=arguments) for writer in writers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for writer in writers:
        wait_for(writer.is_in_force, WITHIN, writer.agent.log.read_text())


@pytest.mark.slow
def test_no_part_of_a_policy_is_ever_in_force(writers: list[Writer]) -> None:
    assert len(writers) >= 20
    all_at_once(writers, "write_slowly", 1, os.O_EXCL)
    all_at_once(writers, "write_slowly", 2, os.O_TRUNC)
    all_at_once(writers, "append", 3)
    for writer in writers:
        writer.judge()
    print(f"{sum(len(writer.excused) for writer in writers)} prefixes excused")
