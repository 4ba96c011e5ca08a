from __future__ import annotations

from agent.model.signals import Labels
from agent.rules.capacity import Bounds, chosen, named

BOUNDS = Bounds(horizon=100.0, least=10.0)
KEYS: list[tuple[str, Labels]] = [
    ("disk.free_bytes", (("mountpoint", "/"),)),
    ("disk.used_percent", (("mountpoint", "/"),)),
    ("disk.used_percent", (("mountpoint", "/srv"),)),
]


def wanted(signal: str, limit: float = 100, *, falls: bool = False, **labels: str) -> dict[str, object]:
    return {"signal": signal, "limit": limit, "falls": falls, "labels": labels}


def test_series_are_chosen_by_signal_and_labels_each_once_and_first_come() -> None:
    found = chosen([wanted("disk.used_percent", 90, mountpoint="/srv"), wanted("disk.used_percent")], KEYS, BOUNDS)
    assert [(named(key), subject.limit) for key, subject in found] == [
        ('disk.used_percent{mountpoint="/srv"}', 90),
        ('disk.used_percent{mountpoint="/"}', 100),
    ]
    assert chosen([wanted("swap.used_percent")], KEYS, BOUNDS) == []


def test_what_is_empty_is_known_of_shares_that_rise_alone() -> None:
    ((_, share), *_), ((_, free),) = (
        chosen([wanted("disk.used_percent")], KEYS, BOUNDS),
        chosen([wanted("disk.free_bytes", 0, falls=True)], KEYS, BOUNDS),
    )
    assert (share.empty, share.falling) == (0.0, False)
    assert (free.empty, free.falling) == (None, True)
    assert (free.horizon, free.least) == (100.0, 10.0)


def test_series_without_labels_is_named_by_its_signal() -> None:
    assert named(("load.1m", ())) == "load.1m"
