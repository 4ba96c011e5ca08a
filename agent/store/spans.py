"""Sets of whole numbers that lie close together, such as the ids of forgotten runs."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence

from msgspec import Struct


class Spans(Struct, frozen=True):
    """Whole numbers as spans from `firsts[n]` to `lasts[n]`, in order, none touching another."""

    firsts: tuple[int, ...] = ()
    lasts: tuple[int, ...] = ()

    @classmethod
    def of(cls, numbers: Sequence[int]) -> Spans:
        """Given numbers, return them as spans."""
        return cls._joined(sorted((number, number) for number in numbers))

    @classmethod
    def union(cls, many: Iterable[Spans]) -> Spans:
        """Given sets, return what is in any of them."""
        return cls._joined(sorted(pair for spans in many for pair in zip(spans.firsts, spans.lasts, strict=True)))

    @classmethod
    def read(cls, text: str) -> Spans:
        """Given text as `text` returns it, return the set; what is no span is left out."""
        pairs = []
        for part in text.split(","):
            first, _, last = part.partition("-")
            if first.isascii() and first.isdigit() and (not last or (last.isascii() and last.isdigit())):
                pairs.append((int(first[:20]), int((last or first)[:20])))
        return cls._joined(sorted(pairs))

    @classmethod
    def _joined(cls, pairs: Sequence[tuple[int, int]]) -> Spans:
        firsts: list[int] = []
        lasts: list[int] = []
        for first, last in pairs:
            if lasts and first <= lasts[-1] + 1:
                lasts[-1] = max(lasts[-1], last)
            else:
                firsts.append(first)
                lasts.append(last)
        return cls(tuple(firsts), tuple(lasts))

    def text(self) -> str:
        """Return the set as text, such as `1-5,8`."""
        pairs = zip(self.firsts, self.lasts, strict=True)
        return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in pairs)

    def __contains__(self, number: int) -> bool:
        place = bisect_right(self.firsts, number) - 1
        return place >= 0 and number <= self.lasts[place]
