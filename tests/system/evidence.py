"""What tells afterwards what has happened: every state in order, every act, every byte of a tree."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path
from typing import NamedTuple

AUDIT = """
CREATE TABLE audit (n INTEGER PRIMARY KEY, run INTEGER, seq INTEGER, was TEXT, became TEXT, attempt INTEGER);
CREATE TRIGGER audit_new AFTER INSERT ON runs
BEGIN INSERT INTO audit VALUES (NULL, NEW.id, NULL, '', NEW.state, NEW.attempt); END;
CREATE TRIGGER audit_moves AFTER UPDATE ON runs WHEN OLD.state <> NEW.state
BEGIN INSERT INTO audit VALUES (NULL, NEW.id, NULL, OLD.state, NEW.state, NEW.attempt); END;
CREATE TRIGGER audit_steps AFTER INSERT ON steps
BEGIN INSERT INTO audit VALUES (NULL, NEW.run, NEW.seq, '', NEW.state, NULL); END;
"""
"""Triggers that keep every state that runs and steps were ever in, written with the change itself or not at all."""


class Audited(NamedTuple):
    """One change in the order of writing; `seq` is None for a run, `was` is "" for what is made and for steps."""

    run: int
    seq: int | None
    was: str
    became: str
    attempt: int | None


class Effect(NamedTuple):
    """One line that a task's command wrote."""

    word: str
    task: str
    run: int


def digest_of(tree: Path) -> str:
    """Return a hash over everything that is below a directory, itself included: names, modes, times, contents."""
    found = hashlib.sha256()
    for path in sorted([tree, *tree.rglob("*")]):
        about = path.lstat()
        body = os.readlink(path).encode() if path.is_symlink() else path.read_bytes() if path.is_file() else b""
        found.update(f"{path}\0{stat.filemode(about.st_mode)} {about.st_mtime_ns} {about.st_uid}\0".encode() + body)
    return found.hexdigest()
