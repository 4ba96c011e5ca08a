"""Secrets that lie in files of their own."""

from __future__ import annotations

from agent.errors import RunFailed

MOST = 1 << 16


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
