"""Waiting allows for processes that get no processor, up to a point."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from tests.system.soak.patience import MOST_SHARE, Patience

BUSY = "while True: pass"


def test_patience_counts_the_time_that_passes() -> None:
    began = time.monotonic()
    patience = Patience([os.getpid()])
    time.sleep(0.2)
    assert (1 - MOST_SHARE) * 0.19 <= patience.took([os.getpid()]) <= time.monotonic() - began


def test_patience_leaves_out_what_a_process_waits_for_a_processor() -> None:
    processor = str(min(os.sched_getaffinity(0)))
    pinned = [subprocess.Popen(["taskset", "-c", processor, sys.executable, "-c", BUSY]) for _ in range(4)]
    try:
        pids = [process.pid for process in pinned]
        patience = Patience(pids)
        time.sleep(1)
        took = patience.took(pids)
        assert took < 0.7
    finally:
        for process in pinned:
            process.kill()
            process.wait()
