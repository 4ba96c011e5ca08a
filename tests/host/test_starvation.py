"""What the kernel says of how long a thread was kept waiting."""

from __future__ import annotations

import os
import threading
from contextlib import closing
from pathlib import Path

from agent.host.starvation import Hunger
from tests.system.agent import wait_for


def account(thread: int) -> float:
    """Return what the kernel's own file says, in seconds."""
    return int(Path(f"/proc/self/task/{thread}/schedstat").read_text().split()[1]) / 1e9


def test_hunger_of_a_thread_is_what_the_kernel_counts_now_and_each_time() -> None:
    thread = threading.get_native_id()
    with closing(Hunger(thread)) as hunger:
        for _ in range(3):
            before = account(thread)
            assert before <= hunger() <= account(thread)


def test_hunger_of_a_thread_that_is_not_there_is_nothing() -> None:
    hunger = Hunger(1)
    assert hunger() == 0.0
    hunger.close()
    ended: list[Hunger] = []
    thread = threading.Thread(target=lambda: ended.append(Hunger(threading.get_native_id())))
    thread.start()
    thread.join()
    with closing(ended[0]):
        wait_for(lambda: ended[0]() == 0.0, saying="for the kernel to forget a thread")


def test_hunger_that_is_closed_keeps_no_descriptor_and_knows_nothing() -> None:
    before = len(os.listdir("/proc/self/fd"))
    hunger = Hunger(threading.get_native_id())
    hunger.close()
    hunger.close()
    assert len(os.listdir("/proc/self/fd")) == before
    assert hunger() == 0.0
