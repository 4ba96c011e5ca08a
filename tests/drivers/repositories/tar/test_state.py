"""tar's state between backups: kept for those that may be built on, and set back a little."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from agent.drivers.repositories.tar.state import State
from agent.errors import RunFailed
from tests.drivers.repositories.tar.house import House

FIRST = f"20261130T120000Z-full-{'0' * 16}"
SECOND = f"20261130T130000Z-incremental-{'1' * 16}"
SECOND_NS = 1_000_000_000


@pytest.fixture
def state(tmp_path: Path) -> State:
    made = State(House(tmp_path).open()._site)
    assert made.begin(None) == ""
    return made


def instant(content: bytes) -> int:
    seconds, nanoseconds = content.split(b"\n", 1)[1].split(b"\0")[:2]
    return int(seconds) * SECOND_NS + int(nanoseconds)


@pytest.mark.parametrize("nanoseconds", [b"781032953", b"5", b"19999999", b"0"])
@pytest.mark.parametrize(("fine", "least"), [(True, 20_000_000), (False, 2 * SECOND_NS)])
def test_state_is_of_a_moment_before_tar_began(state: State, nanoseconds: bytes, fine: bool, least: int) -> None:
    content = b"GNU tar-1.34-2\n1796046442\0" + nanoseconds + b"\0rest"
    Path(state.draft).write_bytes(content)
    state.commit(FIRST, (), fine=fine)
    kept = (Path(state.draft).parent / f"{FIRST}.snar").read_bytes()
    assert instant(content) - instant(kept) == least
    assert kept.endswith(b"\0rest")
    assert kept.count(b"\0") == content.count(b"\0")
    assert os.listdir(Path(state.draft).parent) == [f"{FIRST}.snar"]


def test_state_is_private_and_only_what_is_wanted_stays(state: State) -> None:
    place = Path(state.draft).parent
    for name, keep in ((FIRST, ()), (SECOND, (FIRST,))):
        Path(state.draft).write_bytes(b"GNU tar-1.34-2\n1796046442\0005\0")
        state.commit(name, keep, fine=True)
    assert sorted(os.listdir(place)) == [f"{FIRST}.snar", f"{SECOND}.snar"]
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    state.begin(FIRST)
    state.forget(SECOND)
    assert os.listdir(place) == [f"{FIRST}.snar"]
    assert "no state" in state.begin(SECOND)
    with pytest.raises(RunFailed, match="no id"):
        state.forget("../x")
