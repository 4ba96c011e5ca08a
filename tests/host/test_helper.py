from __future__ import annotations

import os
import select
import sys

from agent.host.helper import Helper

ECHO = "import sys; data = sys.stdin.buffer.read(); sys.stdout.buffer.write(data[::-1])"


def read_all(helper: Helper) -> bytes:
    found = b""
    while True:
        select.select([helper.fileno()], [], [], 30)
        data = helper.read()
        if data == b"":
            return found
        found += data or b""


def test_helper_takes_a_request_larger_than_any_pipe_and_answers() -> None:
    request = os.urandom(3 << 20)
    helper = Helper([sys.executable, "-c", ECHO], request)
    assert read_all(helper) == request[::-1]
    assert helper.end() == ""


def test_helper_that_has_said_nothing_yet_reads_as_none() -> None:
    helper = Helper([sys.executable, "-c", "import time; time.sleep(60)"], b"")
    assert helper.read() is None
    assert helper.end() == "signal 9"


def test_helper_that_fails_says_how() -> None:
    helper = Helper([sys.executable, "-c", "raise SystemExit(3)"], b"")
    assert read_all(helper) == b""
    assert helper.end() == "exit code 3"


def test_helper_leaves_no_descriptor_open() -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        helper = Helper([sys.executable, "-c", "pass"], b"")
        read_all(helper)
        helper.end()
    assert len(os.listdir("/proc/self/fd")) == before
