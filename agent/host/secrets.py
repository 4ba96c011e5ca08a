"""Secrets that lie in files of their own."""

from __future__ import annotations

import os

from agent.errors import RunFailed

MOST = 1 << 16


def exposure(about: os.stat_result) -> str:
    """Given what is known of a file with a secret, say what lets others than its reader at it, and what to do; "" if
    nothing does."""
    if about.st_uid not in (0, os.geteuid()):
        return f"belongs to user {about.st_uid}: let root own it, and chmod 0600 it"
    return "can be read or written by others: chmod 0600 it" if about.st_mode & 0o077 else ""


def read_secret(path: str) -> str:
    """Given a file that holds a secret and nothing else, return it without the end of its line. Raises RunFailed."""
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read(MOST + 1).rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise RunFailed(f"a secret cannot be read from {path}: {why}") from error
    if not text or len(text) > MOST:
        raise RunFailed(f"{path} holds no secret: write it there, and nothing else")
    return text
