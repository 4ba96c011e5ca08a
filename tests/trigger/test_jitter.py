"""Jitter: stable, within its width, spread evenly."""

from __future__ import annotations

from agent.trigger import jitter


def test_jitter_of_a_host_and_task_is_always_the_same() -> None:
    assert jitter("host-1", "backup", 600.0) == jitter("host-1", "backup", 600.0) == 78.99395987656182
    assert jitter("host-1", "backup", 600.0) != jitter("host-2", "backup", 600.0)
    assert jitter("host-1", "backup", 600.0) != jitter("host-1", "backup2", 600.0)
    assert jitter("host-1b", "ackup", 600.0) != jitter("host-1", "backup", 600.0)


def test_jitter_without_width_is_none() -> None:
    assert jitter("host-1", "backup", 0.0) == 0.0


def test_jitter_over_many_hosts_is_spread_evenly() -> None:
    delays = [jitter(f"host-{number}", "backup", 100.0) for number in range(10_000)]
    assert all(0 <= delay < 100 for delay in delays)
    tenths = [sum(1 for delay in delays if tenth <= delay // 10 < tenth + 1) for tenth in range(10)]
    assert all(850 < count < 1150 for count in tenths)
