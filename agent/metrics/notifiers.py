"""The numbers about notifiers."""

from __future__ import annotations

from collections.abc import Iterable

from agent.metrics import families as f
from agent.metrics.block import Block
from agent.metrics.records import NotifierFacts
from agent.model.signals import Labels


def show_notifiers(block: Block, facts: Iterable[NotifierFacts]) -> None:
    """Given how it goes with every receiver, show it in a block of `OF_NOTIFIERS`."""
    rows: dict[f.Family, dict[Labels, float]] = {family: {} for family in f.OF_NOTIFIERS}
    for one in facts:
        numbers = {
            f.NOTICES_DELIVERED: one.delivered,
            f.NOTICES_FAILED: one.failed,
            f.NOTICES_DROPPED: one.dropped,
            f.NOTICES_WAITING: one.waiting,
            f.NOTICES_PARKED: one.parked,
            f.NOTICES_OLDEST: one.oldest,
            f.NOTICES_LAST: one.last_success,
        }
        for family, value in numbers.items():
            if value is not None:
                rows[family][(("notifier", one.name),)] = value
    for family, series in rows.items():
        block.replace(family, series)
