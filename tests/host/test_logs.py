"""Where log records go."""

from __future__ import annotations

import fcntl
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


FLOOD = """
import fcntl, logging, os, sys
from agent.host.logs import start_logging

start_logging("info")
for number in range(1000):
    logging.info("run %d succeeded", number)
print("done", flush=True)
sys.stdin.read()
logging.info("the last")
"""


def test_records_that_nobody_reads_are_left_out_and_counted_and_nothing_waits_for_a_reader() -> None:
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    words = [sys.executable, "-c", FLOOD]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=writer) as process:
        os.close(writer)
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == b"done\n"
        first = os.read(reader, 65536).decode().splitlines()
        process.stdin.close()
        with open(reader, encoding="utf-8") as rest:
            told = rest.read().splitlines()
    assert told[-1].endswith("INFO the last")
    assert told[-2].endswith(f"WARNING {1000 - len(first)} messages were left out: nobody read them")
