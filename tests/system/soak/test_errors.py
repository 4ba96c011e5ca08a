"""The soak finds in a log the errors that no fault of the host excuses."""

from __future__ import annotations

import pytest

from tests.system.soak.invariants import EXCUSED, errors_in

FULL = """2026-11-24 18:55:30,216 ERROR an error in the agent itself
Traceback (most recent call last):
  File "connection.py", line 1, in rows
    return self._db.execute(sql, values).fetchall()
apsw.FullError: database or disk is full

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "loop.py", line 138, in _safely
    callback()
agent.errors.StoreError: /s/hostkeeper.db: the disk is full
2026-11-24 18:55:30,385 ERROR task odd: run 5 failed (killed)
"""
MISTAKE = """Traceback (most recent call last):
  File "loop.py", line 138, in _safely
    callback()
KeyError: 43
"""


def test_error_made_of_another_is_told_as_it_ends() -> None:
    assert list(errors_in(FULL)) == ["agent.errors.StoreError: /s/hostkeeper.db: the disk is full"]
    assert list(errors_in(FULL + MISTAKE))[1:] == ["KeyError: 43"]


@pytest.mark.parametrize(
    ("error", "excused"),
    [
        ("agent.errors.StoreError: /s/hostkeeper.db: the disk is full", True),
        ("agent.errors.StoreError: /s/hostkeeper.db: database is locked", True),
        ("OSError: [Errno 24] Too many open files: '/proc/stat'", True),
        ("agent.errors.StoreError: the store is damaged: row 3 of table runs is not what was written", False),
        ("KeyError: 43", False),
        ("AssertionError", False),
        ("OSError: [Errno 9] Bad file descriptor", False),
    ],
)
def test_fault_of_the_host_is_excused_and_a_mistake_is_not(error: str, excused: bool) -> None:
    assert bool(EXCUSED.search(error)) is excused
