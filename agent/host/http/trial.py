"""A handshake in memory that shows whether settings, certificate and key go together, and what the certificate says."""

from __future__ import annotations

import ssl

from agent.host.http.tls import context_of
from agent.model.web import Tls

_NO_CHECK_TIME = 0x200000
"""OpenSSL's X509_V_FLAG_NO_CHECK_TIME: one that has expired is still served, and told of by a metric."""

_MOST_FLIGHTS = 8


class NoHandshake(Exception):
    """No client could shake hands; `str()` says why, in OpenSSL's words."""


def expiry_of(tls: Tls) -> float:
    """Given the settings, return when the certificate expires, in seconds since the epoch.

    Raises OSError for files that cannot be used, and NoHandshake when they can, but no client would get through.
    """
    server = context_of(tls)
    server.verify_mode = ssl.CERT_NONE  # the trial has no certificate to show
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | _NO_CHECK_TIME
    client.load_verify_locations(cafile=tls.cert_file)
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    caller = client.wrap_bio(back, there)
    sides = (caller, server.wrap_bio(there, back, server_side=True))
    shaken = [_step(side) for _ in range(_MOST_FLIGHTS) for side in sides]
    certificate = caller.getpeercert() if shaken[-2] and shaken[-1] else None
    if not certificate:
        raise NoHandshake("it does not come to an end")
    return float(ssl.cert_time_to_seconds(str(certificate["notAfter"])))


def _step(side: ssl.SSLObject) -> bool:
    try:
        side.do_handshake()
    except ssl.SSLWantReadError:
        return False
    except ssl.SSLError as error:
        raise NoHandshake((error.reason or str(error)).replace("_", " ").lower()) from None
    return True
