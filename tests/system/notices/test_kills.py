"""Killed at random, the sender loses nothing, and tells everything in order; a longer one: `python -m` its module."""

from __future__ import annotations

from pathlib import Path

from tests.system.notices.kills import strike


def test_sender_killed_at_random_loses_nothing_and_keeps_the_order(tmp_path: Path) -> None:
    found = strike(tmp_path, kills=10, seed=7)
    assert (found.lost, found.disordered) == (0, 0), found
    assert found.notices > 0
