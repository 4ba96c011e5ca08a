"""What a client would rather have: Accept and Accept-Encoding as RFC 9110 reads them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct


class Offer(Struct, frozen=True):
    """A media type that can be served: `kind` such as `text/plain`, and the parameters that must agree."""

    kind: str
    parameters: Mapping[str, str]


def best_offer(accept: str, offers: Sequence[Offer]) -> int | None:
    """Given an Accept field and offers in our own order of preference, return the index of the best offer.

    Without a field the first offer wins; None means that the client accepts none of them. A range names an offer
    more closely the more of it is spelled out, and the closest range decides the weight of an offer.
    """
    ranges = list(_weighted(accept))
    if not ranges:
        return 0
    best: tuple[float, int] | None = None
    for index, offer in enumerate(offers):
        matching = [
            (closeness, weight)
            for kind, parameters, weight in ranges
            if (closeness := _closeness(kind, parameters, offer)) is not None
        ]
        weight = max(matching)[1] if matching else 0.0
        if weight > 0 and (best is None or weight > best[0]):
            best = (weight, index)
    return None if best is None else best[1]


def accepts_gzip(accept_encoding: str) -> bool:
    """Given an Accept-Encoding field, tell whether gzip is welcome and no less so than no encoding at all."""
    weights = {kind: weight for kind, _, weight in _weighted(accept_encoding)}
    gzip = weights.get("gzip", weights.get("x-gzip", weights.get("*", 0.0)))
    return gzip > 0 and gzip >= weights.get("identity", 0.0)


def _closeness(kind: str, parameters: Mapping[str, str], offer: Offer) -> int | None:
    if any(offer.parameters.get(name) != value for name, value in parameters.items()):
        return None
    if kind == offer.kind:
        return 2 + len(parameters)
    if kind == offer.kind.partition("/")[0] + "/*":
        return 1
    return 0 if kind == "*/*" else None


def _weighted(field: str) -> Iterator[tuple[str, dict[str, str], float]]:
    for part in field.split(","):
        kind, *rest = (piece.strip() for piece in part.split(";"))
        if not kind:
            continue
        parameters = {
            name.strip().lower(): value.strip().strip('"').lower()
            for name, _, value in (piece.partition("=") for piece in rest if piece)
        }
        yield kind.lower(), parameters, _weight(parameters.pop("q", "1"))


def _weight(text: str) -> float:
    """Given the text of a weight, return it; what is not a number from 0 to 1 weighs nothing."""
    try:
        weight = float(text)
    except ValueError:
        return 0.0
    return weight if 0.0 <= weight <= 1.0 else 0.0
