"""Series and the lines that show them.

prometheus_client writes every line once, when its series appears; from then on only the number behind it is replaced,
since writing a thousand lines anew would cost ten times as much as all the rest of a scrape.
"""

from __future__ import annotations

from collections.abc import Iterator

from agent.metrics.client import Client
from agent.metrics.families import Family, Kind
from agent.model.signals import Labels

_SUFFIX = {Kind.COUNTER: "_total", Kind.INFO: "_info"}


class Series:
    """One series: its numbers, the text before each of them, and the lines as they were last written."""

    __slots__ = ("_shown", "key", "line", "prefixes", "values")

    def __init__(self, shown: Shown, key: Labels) -> None:
        self._shown = shown
        self.key = key
        self.values: tuple[float, ...] = ()
        self.prefixes: list[str] = []
        self.line = ""

    def pairs(self) -> Iterator[tuple[str, float]]:
        """Return the text before each number, and the number; nothing where there are no numbers."""
        return zip(self.prefixes if self.values else (), self.values, strict=True)

    def set(self, values: tuple[float, ...]) -> None:
        """Given the numbers from now on, show them."""
        if values != self.values:
            self.values = values
            self._shown.touch(self)


class Changes:
    """Counts the changes of a block, so that one look tells whether its text is still true."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0


class Shown:
    """A family with its series, in the order in which they appeared. A series without numbers takes no line."""

    def __init__(self, family: Family, changes: Changes) -> None:
        self.family = family
        self.series: dict[Labels, Series] = {}
        self._changes = changes
        self._stale: dict[Series, None] = {}
        self._text: str | None = None
        self._heads = ("", "")

    def add(self, key: Labels) -> Series:
        """Given labels, return a series of them without numbers."""
        series = self.series[key] = Series(self, key)
        return series

    def remove(self, key: Labels) -> None:
        """Given a series that has vanished, show it no longer."""
        self._stale.pop(self.series.pop(key), None)
        self._changes.count += 1
        self._text = None

    def touch(self, series: Series) -> None:
        """Given a series whose numbers have changed, write it anew before it is next shown."""
        self._changes.count += 1
        self._text = None
        self._stale[series] = None

    def render(self, client: Client, openmetrics: bool) -> str:
        """Return head and lines in one of the two formats; "" for a family without any."""
        if self._text is None:
            fresh = [series for series in self._stale if not series.prefixes]
            if fresh:
                self._write(client, fresh)
            number = client.number
            for series in self._stale:
                series.line = "".join([f"{p}{number(v)}\n" for p, v in series.pairs()])
            self._stale.clear()
            self._text = "".join([series.line for series in self.series.values()])
        return self._heads[openmetrics] + self._text if self._text else ""

    def _write(self, client: Client, fresh: list[Series]) -> None:
        """Given series never shown before, have prometheus_client write them, and keep what precedes their numbers."""
        family = client.family(self.family.name, self.family.help, self.family.kind, self.family.unit)
        samples = {series: _samples(self.family, client, series.key) for series in fresh}
        for lines in samples.values():
            for name, labels in lines:
                family.add_sample(name, labels, 0.0)
        text = client.write([family]).split("\n")
        first = next(index for index, line in enumerate(text) if not line.startswith("#"))
        written = (line.removesuffix("0.0") for line in text[first:])
        for series, lines in samples.items():
            series.prefixes = [next(written) for _ in lines]
        self._heads = (_classic_head(self.family), "".join(f"{line}\n" for line in text[:first]))


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
