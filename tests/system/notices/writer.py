"""Whoever leaves notices, until killed: `python -m` this STATE FIRST, which says what is acknowledged."""

from __future__ import annotations

import random
import sys
import time
from itertools import count

from agent.store import Store
from tests.notices import notice

RECEIVERS = ("first", "second")


def main(state: str, first: int) -> None:
    """Leave a notice for each receiver, say its number once it is acknowledged, and go on."""
    chance = random.Random(first)
    with Store(state) as store:
        for number in count(first):
            now = time.time()
            one = {"subject": f"n{number}", "key": f"k{number}", "at": now}
            store.outbox.put([notice(notifier=name, **one) for name in RECEIVERS])
            print(number, flush=True)
            time.sleep(chance.uniform(0.0, 0.15))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
