"""Where log records go."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

LOGS = """
import logging
from agent.host.logs import start_logging

start_logging("info")
logging.info("run 1 succeeded")
"""


def logged(stderr: int) -> None:
    subprocess.run([sys.executable, "-c", LOGS], stderr=stderr, timeout=60, check=True)


def test_record_on_a_terminal_takes_the_place_of_the_bar_of_a_run() -> None:
    ours, theirs = pty.openpty()
    os.write(theirs, b"tidy: 400 files, 0 s")
    logged(theirs)
    os.close(theirs)
    with open(ours, "rb", buffering=0) as seen:
        text = seen.read(4096)
    assert text.startswith(b"tidy: 400 files, 0 s\r\x1b[K2")
    assert text.endswith(b"INFO run 1 succeeded\r\n")


def test_record_in_a_file_is_a_plain_line() -> None:
    reader, writer = os.pipe()
    logged(writer)
    os.close(writer)
    with open(reader, "rb") as seen:
        assert seen.read()[:2] == b"20"
