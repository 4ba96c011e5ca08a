"""Samples in rows, as a pass over the host gives them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence, Set
from operator import itemgetter
from typing import overload

from agent.model.signals import Labels, Sample

Key = tuple[str, Labels]
"""What names a series: its signal and its labels."""


class Samples(Sequence[Sample]):
    """Samples as two rows: the series, and one number for each of them.

    The same series come pass after pass, and then `keys` is the same object: whoever has worked something out about
    them need not do so again. No sample is made until somebody asks for it.
    """

    __slots__ = ("keys", "values")

    def __init__(self, keys: tuple[Key, ...], values: Sequence[float]) -> None:
        self.keys = keys
        self.values = values

    def __len__(self) -> int:
        return len(self.keys)

    def __iter__(self) -> Iterator[Sample]:
        return (Sample(*key, value) for key, value in zip(self.keys, self.values, strict=True))

    def about(self, signals: Set[str]) -> list[Sample]:
        """Given signals, return the samples of these."""
        return [Sample(*key, value) for key, value in zip(self.keys, self.values, strict=True) if key[0] in signals]

    @overload
    def __getitem__(self, index: int) -> Sample: ...

    @overload
    def __getitem__(self, index: slice) -> Samples: ...

    def __getitem__(self, index: int | slice) -> Sample | Samples:
        if isinstance(index, slice):
            return Samples(self.keys[index], self.values[index])
        return Sample(*self.keys[index], self.values[index])


def in_rows(samples: Sequence[Sample]) -> Samples:
    """Given samples, return them as two rows."""
    if isinstance(samples, Samples):
        return samples
    return Samples(tuple([(s.signal, s.labels) for s in samples]), [s.value for s in samples])


def picker(places: Sequence[int]) -> Callable[[Sequence[float]], Sequence[float]]:
    """Given places in a row, return what picks the numbers at these places from a row."""
    if len(places) > 1:
        return itemgetter(*places)
    return lambda row: [row[place] for place in places]


class Selection:
    """Picks the samples of some series, of which `wanted` tells by their names."""

    def __init__(self, wanted: Callable[[Key], bool]) -> None:
        self._wanted = wanted
        self._of: tuple[Key, ...] = ()
        self._keys: tuple[Key, ...] = ()
        self._pick = picker(())

    def among(self, found: Samples) -> Samples:
        """Given samples, return those of the series that are wanted, with the same `keys` for the same ones."""
        if found.keys is not self._of:
            places = [place for place, key in enumerate(found.keys) if self._wanted(key)]
            self._of, self._pick = found.keys, picker(places)
            self._keys = tuple([found.keys[place] for place in places])
        return Samples(self._keys, self._pick(found.values))
