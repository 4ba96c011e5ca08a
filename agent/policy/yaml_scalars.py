"""What plain scalars stand for: the core schema of YAML 1.2, in which `0755` stays the text that a file mode is."""

from __future__ import annotations

import re
from typing import Any

LARGEST_INTEGER = (1 << 63) - 1

_WORDS = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
MAYBE_NOT_TEXT = frozenset(["", *"~nNtTfF-+.0123456789"])
"""How a plain scalar begins that is not surely text."""

_DIGITS = frozenset("0123456789")
_NUMBER = re.compile(
    r"[-+]?(?:0|[1-9][0-9]*)(\.[0-9]*)?([eE][-+]?[0-9]+)?|[-+]?(\.[0-9]+)(?:[eE][-+]?[0-9]+)?|0o[0-7]+"
)
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+")
_NOT_FINITE = frozenset(
    sign + word for word in (".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN") for sign in ("", "-", "+")
)
_BASES = {"0o": 8, "0x": 16}


def scalar(text: str) -> Any:
    """Given a plain scalar, return what it stands for. ValueError: a number that cannot be used."""
    if text in _WORDS:
        return _WORDS[text]
    last = text[-1]
    if last in _DIGITS or last == ".":
        found = _NUMBER.fullmatch(text)
        if found:
            return _float(text) if found.lastindex else _integer(text)
    if text in _NOT_FINITE:
        raise ValueError("not finite")
    return _integer(text) if text.startswith("0x") and _HEXADECIMAL.fullmatch(text) else text


def _integer(text: str) -> int:
    # Longer ones are out of range, and the interpreter refuses to convert very long ones.
    value = int(text, _BASES.get(text[:2], 10)) if len(text) <= 30 else LARGEST_INTEGER + 1
    if not -LARGEST_INTEGER <= value <= LARGEST_INTEGER:
        raise ValueError("too large")
    return value


def _float(text: str) -> float:
    value = float(text)
    if not -1e308 <= value <= 1e308:
        raise ValueError("too large")
    return value
