"""The signals that each kind of probe gives. Light to import: it measures nothing.

A signal is named `<probe>.<what>`. Percentages run from 0 to 100.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from msgspec import Struct

from agent.model.signals import SignalSpec

ANY = ("*",)
"""The labels of a signal that may have any."""

Rows = tuple[tuple[str, str, str], ...]
"""What, unit and meaning of signals."""


class Offer(Struct, frozen=True):
    """What probes of a kind give. `free` says that names and labels beyond these are the source's own."""

    signals: Mapping[str, SignalSpec]
    free: bool = False

    def spec(self, what: str) -> SignalSpec | None:
        """Given what of a signal stands behind the probe's name, return the signal, None if it has no such."""
        found = self.signals.get(what)
        return SignalSpec(what, "", "", ANY) if found is None and self.free else found


def _offer(*groups: tuple[tuple[str, ...], Rows], free: bool = False) -> Offer:
    every = [*_COMMON, *((labels, row) for labels, rows in groups for row in rows)]
    return Offer({what: SignalSpec(what, text, unit, labels) for labels, (what, unit, text) in every}, free)


_COMMON: tuple[tuple[tuple[str, ...], tuple[str, str, str]], ...] = (
    ((), ("up", "", "1 where it answered as the policy wants, 0 where it did not; absent where that is not known.")),
    ((), ("duration_seconds", "seconds", "How long measuring took, whatever came of it.")),
)
_CERTIFICATE: Rows = (
    ("certificate_days_left", "days", "Days until the certificate of the server expires; negative once it has."),
)

OFFERED: Mapping[str, Offer] = {
    "http": _offer(
        (
            (),
            (
                ("latency_seconds", "seconds", "From looking up the name to the last byte of the answer."),
                ("dns_seconds", "seconds", "Looking up the name of the host."),
                ("connect_seconds", "seconds", "Connecting to the server."),
                ("tls_seconds", "seconds", "Shaking hands for TLS; absent without."),
                ("first_byte_seconds", "seconds", "From sending the request to the first byte of the answer."),
                ("status", "", "The status of the answer."),
                ("body_bytes", "bytes", "Size of the body of the answer."),
                ("redirects", "", "How many redirects were followed."),
                *_CERTIFICATE,
            ),
        ),
    ),
}
"""What each kind of probe gives."""


def fits(spec: SignalSpec, labels: Collection[str]) -> bool:
    """Given the labels that a threshold names, tell whether series of a signal can be found by them."""
    known = spec.labels == ANY or all(label in spec.labels for label in labels)
    return known and all(label in labels for label in spec.required)


def signal_of(name: str, kinds: Mapping[str, str]) -> SignalSpec | None:
    """Given the name of a signal and the kinds of all probes by name, return the signal, None if no probe gives it."""
    probe, _, what = name.partition(".")
    offer = OFFERED.get(kinds.get(probe, ""))
    return None if offer is None or not what else offer.spec(what)
