"""Whoever is killed, nothing is lost and all is told in order; for longer: `python -m tests.system.notices.kills`."""

from __future__ import annotations

from pathlib import Path

from tests.system.notices.kills import strike


def test_kills_at_random_of_writers_and_senders_lose_nothing_and_keep_the_order(tmp_path: Path) -> None:
    found = strike(tmp_path, kills=6, seed=7)
    assert (found.lost, found.disordered) == (0, 0), found
    assert found.notices > 0
