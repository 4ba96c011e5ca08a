"""Records for the journal, read from a socket of ours; the journal itself reads them in tests/system/systemd."""

from __future__ import annotations

import array
import logging
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.host.journald import JournalHandler, about, is_journal


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "journal"))
        listener.settimeout(5)
        yield listener


@pytest.fixture
def log(tmp_path: Path, journal: socket.socket) -> Iterator[logging.Logger]:
    logger = logging.Logger("agent.test")
    handler = JournalHandler(str(tmp_path / "journal"))
    logger.addHandler(handler)
    yield logger
    handler.close()


def entry(datagram: bytes) -> dict[str, str]:
    """Given an entry as it is sent, return its fields, read as the journal reads them."""
    fields = {}
    while datagram:
        line, _, rest = datagram.partition(b"\n")
        name, equals, value = line.partition(b"=")
        if not equals:
            (length,) = struct.unpack("<Q", rest[:8])
            value, rest = rest[8 : 8 + length], rest[8 + length + 1 :]
        fields[name.decode()] = value.decode()
        datagram = rest
    return fields


@pytest.mark.parametrize(
    ("level", "priority"),
    [(logging.DEBUG, "7"), (logging.INFO, "6"), (logging.WARNING, "4"), (logging.ERROR, "3"), (logging.CRITICAL, "2")],
)
def test_record_has_its_priority_and_its_message(
    log: logging.Logger, journal: socket.socket, level: int, priority: str
) -> None:
    log.log(level, "%s of %d", "one", 3)
    assert entry(journal.recv(65536)) == {
        "MESSAGE": "one of 3",
        "PRIORITY": priority,
        "SYSLOG_IDENTIFIER": "hostkeeper",
        "LOGGER": "agent.test",
    }


def test_record_says_what_it_is_about_and_leaves_out_what_is_empty(log: logging.Logger, journal: socket.socket) -> None:
    log.info("done", extra=about(task="clean-tmp", run=0, outcome="succeeded"))
    found = entry(journal.recv(65536))
    assert {name: found[name] for name in found if name.startswith("HOSTKEEPER_")} == {
        "HOSTKEEPER_TASK": "clean-tmp",
        "HOSTKEEPER_RUN": "0",
        "HOSTKEEPER_OUTCOME": "succeeded",
    }


@pytest.mark.parametrize("text", ["two\nlines", "PRIORITY=0\nMESSAGE=forged", "é ☃ \udcff", "\n", ""])
def test_what_a_value_holds_is_never_read_as_another_field(
    log: logging.Logger, journal: socket.socket, text: str
) -> None:
    log.error("%s", text, extra=about(task=text, reason="step_failed"))
    found = entry(journal.recv(65536))
    as_sent = text.encode("utf-8", "backslashreplace").decode()
    assert (found["MESSAGE"], found["PRIORITY"], found["HOSTKEEPER_REASON"]) == (as_sent, "3", "step_failed")
    assert found.get("HOSTKEEPER_TASK", "") == as_sent


def test_trace_of_an_error_is_part_of_the_message(log: logging.Logger, journal: socket.socket) -> None:
    try:
        raise RuntimeError("a bug")
    except RuntimeError:
        log.exception("an error")
    message = entry(journal.recv(65536))["MESSAGE"]
    assert message.startswith("an error\nTraceback") and message.endswith("RuntimeError: a bug")


def test_record_too_large_for_a_datagram_is_sent_as_a_file(log: logging.Logger, journal: socket.socket) -> None:
    log.info("%s", "x" * 5_000_000)
    data, ancillary, *_ = journal.recvmsg(65536, socket.CMSG_SPACE(4))
    (file,) = array.array("i", ancillary[0][2])
    try:
        size = os.fstat(file).st_size
        assert data == b"" and len(entry(os.pread(file, size, 0))["MESSAGE"]) == 5_000_000
        with pytest.raises(PermissionError):
            os.truncate(file, 0)
    finally:
        os.close(file)


def test_journal_that_takes_nothing_holds_nobody_up_and_what_was_lost_is_told(
    log: logging.Logger, journal: socket.socket
) -> None:
    for number in range(10_000):  # more than any queue of datagrams holds
        log.info("record %d", number)
    taken = 0
    journal.setblocking(False)
    while True:
        try:
            journal.recv(65536)
        except BlockingIOError:
            break
        taken += 1
    log.info("again")
    log.info("and again")
    lost = 10_000 - taken
    assert lost > 0
    told = [entry(journal.recv(65536))["MESSAGE"] for _ in range(2)]
    assert told == [f"again ({lost} log records before this were lost: the journal did not take them)", "and again"]


def test_is_journal_by_the_file_that_the_variable_names(tmp_path: Path) -> None:
    with (tmp_path / "stream").open("wb") as stream, (tmp_path / "other").open("wb") as other:
        seen = os.fstat(stream.fileno())
        environ = {"JOURNAL_STREAM": f"{seen.st_dev}:{seen.st_ino}"}
        assert is_journal(stream.fileno(), environ)
        assert not is_journal(other.fileno(), environ)
        assert not is_journal(stream.fileno(), {})
        assert not is_journal(stream.fileno(), {"JOURNAL_STREAM": "rubbish"})
    assert not is_journal(99_999, environ)
