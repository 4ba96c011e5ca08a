"""A block of the page: families that change together, rendered once per change.

prometheus_client writes every line once, when its series appears; from then on only the number behind it is replaced,
since writing a thousand lines anew would cost ten times as much as all the rest of a scrape.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping

from agent.metrics.client import Client
from agent.metrics.families import Family, Kind
from agent.model.signals import Labels

MOST_SERIES = 1000
"""How many series of one family are exported at most; a histogram with all its buckets counts as one."""


class Block:
    """The series of some families, and their text in both formats."""

    def __init__(self, families: Iterable[Family]) -> None:
        self.version = 0
        self.omitted: dict[str, set[Labels]] = {}
        self._families = {family.name: _Series(family) for family in families}
        self._text: dict[bool, tuple[int, bytes]] = {}
        self._deflated: dict[bool, tuple[int, bytes]] = {}

    def put(self, family: Family, key: Labels, *values: float) -> None:
        """Given a series and its number (of a histogram: buckets, count, sum), show it from now on."""
        series = self._families[family.name]
        if series.values.get(key) == values:
            return
        if key not in series.values and len(series.values) >= MOST_SERIES:
            self.omitted.setdefault(family.name, set()).add(key)
            return
        series.values[key] = values
        series.stale.add(key)
        self.version += 1

    def get(self, family: Family, key: Labels) -> tuple[float, ...] | None:
        """Given a series, return its numbers, or None where there is none."""
        return self._families[family.name].values.get(key)

    def keys(self, family: Family) -> list[Labels]:
        """Given a family, return its series."""
        return list(self._families[family.name].values)

    def remove(self, family: Family, key: Labels) -> None:
        """Given a series that has vanished, show it no longer."""
        series = self._families[family.name]
        del series.values[key]
        series.lines.pop(key, None)
        series.prefixes.pop(key, None)
        series.stale.discard(key)
        series.text = None
        self.version += 1

    def replace(self, family: Family, rows: Mapping[Labels, float]) -> None:
        """Given all series of a family with their numbers, show these and no others."""
        self.omitted.pop(family.name, None)
        for key in self.keys(family):
            if key not in rows:
                self.remove(family, key)
        for key, value in rows.items():
            self.put(family, key, value)

    def text(self, client: Client, openmetrics: bool) -> bytes:
        """Return the block in one of the two formats."""
        version, text = self._text.get(openmetrics, (-1, b""))
        if version != self.version:
            text = "".join(series.render(client, openmetrics) for series in self._families.values()).encode("utf-8")
            self._text[openmetrics] = (self.version, text)
        return text

    def deflated(self, client: Client, openmetrics: bool) -> bytes:
        """Return the block compressed so that it can stand anywhere within a stream (RFC 1951)."""
        version, deflated = self._deflated.get(openmetrics, (-1, b""))
        if version != self.version:
            compressor = zlib.compressobj(level=1, wbits=-zlib.MAX_WBITS)
            deflated = compressor.compress(self.text(client, openmetrics)) + compressor.flush(zlib.Z_FULL_FLUSH)
            self._deflated[openmetrics] = (self.version, deflated)
        return deflated


class _Series:
    """The series of one family: their numbers, the text before each number, and the lines so far."""

    def __init__(self, family: Family) -> None:
        self.family = family
        self.values: dict[Labels, tuple[float, ...]] = {}
        self.prefixes: dict[Labels, list[str]] = {}
        self.lines: dict[Labels, str] = {}
        self.stale: set[Labels] = set()
        self.text: str | None = None
        self._heads: tuple[str, str] | None = None

    def render(self, client: Client, openmetrics: bool) -> str:
        """Return head and lines, "" for a family without series."""
        if not self.values:
            return ""
        fresh = [key for key in self.stale if key not in self.prefixes]
        if fresh:
            self._write(client, fresh)
        if self.stale or self.text is None:
            for key in self.stale:
                numbers = map(client.number, self.values[key])
                self.lines[key] = "".join(f"{p}{n}\n" for p, n in zip(self.prefixes[key], numbers, strict=True))
            self.stale.clear()
            self.text = "".join(self.lines.values())
        assert self._heads is not None
        return self._heads[openmetrics] + self.text

    def _write(self, client: Client, keys: list[Labels]) -> None:
        """Given new series, have prometheus_client write them, and keep what stands before their numbers."""
        family = client.family(self.family.name, self.family.help, self.family.kind, self.family.unit)
        samples = {key: _samples(self.family, client, key) for key in keys}
        for key in keys:
            for name, labels in samples[key]:
                family.add_sample(name, labels, 0.0)
        lines = client.write([family]).split("\n")
        first = next(index for index, line in enumerate(lines) if not line.startswith("#"))
        written = (line.removesuffix("0.0") for line in lines[first:])
        self.prefixes |= {key: [next(written) for _ in samples[key]] for key in keys}
        self._heads = (_classic_head(self.family), "".join(f"{line}\n" for line in lines[:first]))


def _samples(family: Family, client: Client, key: Labels) -> list[tuple[str, dict[str, str]]]:
    """Given a series, return the names and labels of the lines it takes, in the order of its numbers."""
    labels = {name: _encodable(value) for name, value in key}
    if family.kind is Kind.HISTOGRAM:
        bounds = (*map(client.number, family.bounds), "+Inf")
        buckets = [(f"{family.name}_bucket", labels | {"le": bound}) for bound in bounds]
        return [*buckets, (f"{family.name}_count", labels), (f"{family.name}_sum", labels)]
    return [(family.name + _SUFFIX.get(family.kind, ""), labels)]


def _encodable(value: str) -> str:
    """Given the value of a label, return it with lone surrogates, which UTF-8 does not have, escaped."""
    return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode("utf-8")


def _classic_head(family: Family) -> str:
    """Given a family, return the comments that the older format has before its lines."""
    name = family.name + _SUFFIX.get(family.kind, "")
    kind = Kind.GAUGE if family.kind is Kind.INFO else family.kind
    text = family.help.replace("\\", r"\\").replace("\n", r"\n")
    return f"# HELP {name} {text}\n# TYPE {name} {kind}\n"


_SUFFIX = {Kind.COUNTER: "_total", Kind.INFO: "_info"}
