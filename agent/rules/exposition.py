"""Prometheus' text format, as programs and files give it: read strictly, in bounds. Pure."""

from __future__ import annotations

import math
import re

from agent.model.signals import Labels, Sample, labels

MOST_LABELS = 32
RESERVED = frozenset({"up", "duration_seconds"})
"""Signals that every probe has of its own."""

_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:[^"\\]|\\.)*+)"\s*(,|(?=\}))')
_ESCAPES = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}
_WORDS = {"nan": math.nan, "+inf": math.inf, "-inf": -math.inf, "inf": math.inf}


class BadText(ValueError):
    """Text that is not of the format; the message says where and why."""


def parse(text: str, most: int) -> list[Sample]:
    """Given a text, return its samples; those that are NaN, which stands for no data, are left out.

    Raises BadText for anything that is not of the format: a last line without its end, a number that is infinite, a
    series given twice, a timestamp (what was measured at another time is not measured now), more than `most` samples.
    """
    if text and not text.endswith("\n"):
        raise BadText("the last line has no end: it is being written, or was cut")
    found: dict[tuple[str, Labels], float] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        try:
            name, pairs, value = _sample(stripped)
        except BadText as error:
            raise BadText(f"line {number}: {error}") from None
        if (name, pairs) in found:
            raise BadText(f"line {number}: {name} is there twice with the same labels")
        found[name, pairs] = value
        if len(found) > most:
            raise BadText(f"more than {most} samples")
    return [Sample(name, pairs, value) for (name, pairs), value in found.items() if not math.isnan(value)]


def _sample(line: str) -> tuple[str, Labels, float]:
    name = _NAME.match(line)
    if name is None:
        raise BadText("no name of a metric")
    if name[0] in RESERVED:
        raise BadText(f"{name[0]} is what the probe says of itself: give it another name")
    pairs, rest = _labels(line[name.end() :].lstrip())
    words = rest.split()
    if not words:
        raise BadText(f"{name[0]} has no number")
    if len(words) > 1:
        raise BadText(f"{name[0]} has a timestamp: give what is so now")
    return name[0], pairs, number_of(words[0])


def number_of(word: str) -> float:
    """Given a word, return the number that it is, or NaN where it says so. Raises BadText for another or infinity."""
    try:
        value = _WORDS[word.lower()] if word.lower() in _WORDS else float(word)
    except ValueError:
        value = None
    # Python takes more for a number than anybody who writes one means.
    if value is None or "_" in word or not word.isascii():
        raise BadText(f"{word[:40]!r} is no number")
    if math.isinf(value):
        raise BadText(f"{word[:40]} is no number that can be compared")
    return value


def _labels(rest: str) -> tuple[Labels, str]:
    if not rest.startswith("{"):
        return (), rest
    at = 1
    pairs: dict[str, str] = {}
    while not rest[at:].lstrip().startswith("}"):
        found = _LABEL.match(rest, at)
        if found is None:
            raise BadText('labels that are not of the form {name="value"}')
        if found[1] in pairs or len(pairs) >= MOST_LABELS:
            raise BadText(f"too many labels, or {found[1]} twice")
        pairs[found[1]] = re.sub(r"\\[\\\"n]", lambda escape: _ESCAPES[escape[0]], found[2])
        at = found.end()
    return labels(pairs), rest[rest.index("}", at) + 1 :]
