"""Shakes hands for TLS: whether the certificate is to be trusted, and how long it and its chain last."""

from __future__ import annotations

import _ssl
import ssl
from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from agent.host.wires import Addresses, Deadline, NoAnswer, Tls, connect, context_of, look_up, secured, tls_of
from agent.model.signals import Sample
from agent.probes.answers import Down, given
from agent.probes.group import Measured
from agent.probes.kind import Kind, Settings, Tools
from agent.rules.certificates import days_left


class Handshake:
    """One server."""

    def __init__(self, settings: Settings, tools: Tools) -> None:
        self._settings = settings
        self._clock = tools.clock

    def measure(self, timeout: float) -> Measured:
        """Shake hands once; where the certificate is not to be trusted, again to see it all the same."""
        tls, deadline = tls_of(self._settings), Deadline(timeout)
        try:
            addresses = look_up(self._settings["host"], self._settings["port"])
            try:
                return Measured(self._seen(addresses, tls, deadline, verified=1 if tls.verify else None))
            except NoAnswer as error:
                if not isinstance(error.__cause__, ssl.SSLCertVerificationError):
                    raise
                seen = self._seen(addresses, replace(tls, verify=False), deadline, verified=0)
                raise Down(str(error), seen) from error
        except NoAnswer as error:
            raise Down(str(error)) from error

    def _seen(self, addresses: Addresses, tls: Tls, deadline: Deadline, verified: float | None) -> list[Sample]:
        context = context_of(tls)
        sock, connecting = connect(addresses, deadline)
        try:
            sock, shaking = secured(sock, context, tls.server_name or self._settings["host"], deadline)
            chain = chain_of(sock)
        finally:
            sock.close()
        now = self._clock.now().timestamp()
        days = [days_left(der, now) for der in chain]
        return given(
            {
                "verified": verified,
                "connect_seconds": connecting,
                "tls_seconds": shaking,
                "certificate_days_left": days[0],
                "chain_days_left": min(days),
                "chain_certificates": len(days),
            }
        )


def chain_of(sock: ssl.SSLSocket) -> Sequence[bytes]:
    """Given a socket after the handshake, return the certificates that the server showed in DER, its own first."""
    shown: Any = getattr(sock, "get_unverified_chain", None)
    if shown is not None:
        return list(shown())
    # Before Python 3.13 the same method is there, but not by a public name.
    inner: Any = sock._sslobj  # type: ignore[attr-defined]  # as said
    return [one.public_bytes(_ssl.ENCODING_DER) for one in inner.get_unverified_chain() or ()]


def connect_to(_name: str, settings: Settings, tools: Tools) -> Handshake:
    """Return the probe."""
    return Handshake(settings, tools)


KIND = Kind(connect=connect_to)
