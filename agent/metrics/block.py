"""A block of the page: families that change together, rendered once per change."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterable, Mapping

from agent.metrics.client import Client
from agent.metrics.families import Family
from agent.metrics.series import Changes, Series, Shown
from agent.model.signals import Labels

MOST_SERIES = 2000
"""How many series of one family are exported at most; a histogram with all its buckets counts as one."""

MOST_COUNTED = 1000
"""How many series beyond those are told apart to be counted."""


class Block:
    """The series of some families, and their text in both formats."""

    def __init__(self, families: Iterable[Family]) -> None:
        self._changes = Changes()
        self._shown = {family.name: Shown(family, self._changes) for family in families}
        self._omitted: dict[str, set[Labels]] = {}
        self._text: dict[bool, tuple[int, bytes]] = {}
        self._deflated: dict[bool, tuple[int, bytes]] = {}

    def extend(self, families: Iterable[Family]) -> None:
        """Given families, have those too."""
        for family in families:
            if family.name not in self._shown:
                self._shown[family.name] = Shown(family, self._changes)

    def drop(self, family: Family, key: Labels) -> None:
        """Given a series, show it no longer."""
        self._shown[family.name].remove(key)

    @property
    def version(self) -> int:
        """A number that grows whenever the text changes."""
        return self._changes.count

    def series(self, family: Family, key: Labels) -> Series | None:
        """Given a family and labels, return that series, made if need be; None where there are too many already."""
        shown = self._shown[family.name]
        found = shown.series.get(key)
        if found is None:
            if len(shown.series) >= MOST_SERIES:
                omitted = self._omitted.setdefault(family.name, set())
                if len(omitted) < MOST_COUNTED:
                    omitted.add(key)
                return None
            found = shown.add(key)
        return found

    def put(self, family: Family, key: Labels, *values: float) -> None:
        """Given a series and its number (of a histogram: buckets, count, sum), show it from now on."""
        series = self.series(family, key)
        if series is not None:
            series.set(values)

    def add(self, family: Family, key: Labels, amount: float) -> None:
        """Given a series of a counter, count further."""
        series = self.series(family, key)
        if series is not None:
            series.set((sum(series.values) + amount,))

    def get(self, family: Family, key: Labels) -> tuple[float, ...]:
        """Given a series, return its numbers; none where there is no such series."""
        series = self._shown[family.name].series.get(key)
        return series.values if series is not None else ()

    def replace(self, family: Family, rows: Mapping[Labels, float]) -> None:
        """Given all series of a family with their numbers, show these and no others."""
        self.keep(family, rows.keys())
        for key, value in rows.items():
            self.put(family, key, value)

    def keep(self, family: Family, keys: Collection[Labels]) -> None:
        """Given the series of a family that there still are, show no others."""
        self._omitted.pop(family.name, None)
        shown = self._shown[family.name]
        for key in [key for key in shown.series if key not in keys]:
            shown.remove(key)

    def keys(self, family: Family) -> list[Labels]:
        """Given a family, return its series."""
        return list(self._shown[family.name].series)

    def omitted(self) -> dict[str, int]:
        """Return by family how many series are not shown because there are too many."""
        return {name: len(keys) for name, keys in self._omitted.items()}

    def text(self, client: Client, openmetrics: bool) -> bytes:
        """Return the block in one of the two formats."""
        now = self.version
        version, text = self._text.get(openmetrics, (-1, b""))
        if version != now:
            text = "".join([shown.render(client, openmetrics) for shown in self._shown.values()]).encode("utf-8")
            self._text[openmetrics] = (now, text)
        return text

    def deflated(self, client: Client, openmetrics: bool) -> bytes:
        """Return the block compressed so that it can stand anywhere within a stream (RFC 1951)."""
        now = self.version
        version, deflated = self._deflated.get(openmetrics, (-1, b""))
        if version != now:
            # A window of 16 KiB, and hashes to match: to clear larger ones costs as much as to compress.
            compressor = zlib.compressobj(level=1, wbits=-14, memLevel=6)
            deflated = compressor.compress(self.text(client, openmetrics)) + compressor.flush(zlib.Z_FULL_FLUSH)
            self._deflated[openmetrics] = (now, deflated)
        return deflated
