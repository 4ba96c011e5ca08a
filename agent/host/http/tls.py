"""TLS for the server: a context from the settings, and a wire that encrypts in memory.

The wire never touches the socket from another thread: a handshake reads and writes buffers, so the slow part of it can
be done elsewhere while the connection may be closed at any moment.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Mapping, Sequence

from agent.host.http.wire import Buffer
from agent.model.web import ClientAuth, Tls

RECORD = 0x16
"""The first byte of every handshake."""

CHUNK = 1 << 14
"""As many bytes as one record of TLS may carry."""

_VERIFY: Mapping[ClientAuth, ssl.VerifyMode] = {
    ClientAuth.NONE: ssl.CERT_NONE,
    ClientAuth.IF_GIVEN: ssl.CERT_OPTIONAL,
    ClientAuth.REQUIRED: ssl.CERT_REQUIRED,
}

_VERSIONS: Mapping[str, ssl.TLSVersion] = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}

_CURVES: Mapping[str, str] = {"CurveP256": "prime256v1", "CurveP384": "secp384r1", "CurveP521": "secp521r1"}


def context_of(tls: Tls) -> ssl.SSLContext:
    """Given the settings, return a context for a server. Raises OSError for files that cannot be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _VERSIONS[tls.min_version]
    context.maximum_version = _VERSIONS[tls.max_version]
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.num_tickets = 0  # scrapers keep their connection
    if tls.prefer_server_cipher_suites:
        context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    else:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    if names := [name for name in map(_cipher, tls.cipher_suites) if name]:
        context.set_ciphers(":".join(names))
    if tls.curve:
        context.set_ecdh_curve(_CURVES[tls.curve])
    # A key with a passphrase would ask for it on the terminal.
    context.load_cert_chain(tls.cert_file, tls.key_file, password=lambda: b"")
    if tls.client_ca_file:
        context.load_verify_locations(cafile=tls.client_ca_file)
    context.verify_mode = _VERIFY[tls.client_auth]
    return context


def _cipher(name: str) -> str:
    """Given the name of a suite as IANA has it, return OpenSSL's; "" for those of TLS 1.3, which are always on."""
    exchange, _, rest = name.removeprefix("TLS_").partition("_WITH_")
    if not rest:
        return ""
    kind = rest.replace("AES_", "AES").replace("_", "-").removesuffix("-SHA256" if "CHACHA20" in rest else "-")
    return f"{exchange.replace('_', '-')}-{kind}"


class Secure:
    """A wire under TLS. `feed` and `shake_hands` come first; the rest is for when hands have been shaken."""

    __slots__ = ("_incoming", "_outgoing", "_rest", "_sock", "_tls")

    def __init__(self, sock: socket.socket, context: ssl.SSLContext) -> None:
        self._sock = sock
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._rest = b""
        if sock.family != socket.AF_UNIX:
            # The last record of an answer is a small one; it need not wait until the one before has arrived.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def feed(self, data: bytes) -> None:
        """Given bytes off the socket, keep them for the handshake."""
        self._incoming.write(data)

    def shake_hands(self) -> bool:
        """Go on with the handshake, which takes milliseconds; true when it is complete, false when bytes are missing.

        Touches nothing but memory. Raises OSError when it fails.
        """
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def acknowledge(self) -> None:
        """Acknowledge at once what the client sends next: many send the end of the handshake, wait, and only then ask.

        Holds until something is sent.
        """
        if self._sock.family != socket.AF_UNIX:
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    def names(self) -> frozenset[str]:
        """Return the names that the client's certificate bears, none without one."""
        certificate = self._tls.getpeercert() or {}
        names = certificate.get("subjectAltName", ())
        return frozenset(entry[1] for entry in names if isinstance(entry, tuple) and isinstance(entry[1], str))

    def receive(self, most: int) -> bytes:
        """Return what the client has said, b"" at its end."""
        while True:
            try:
                return self._tls.read(most)
            except ssl.SSLZeroReturnError:
                return b""
            except ssl.SSLWantReadError:
                data = self._sock.recv(CHUNK)
                if not data:
                    return b""
                self._incoming.write(data)

    def holds_more(self) -> bool:
        """Tell whether something was taken off the socket that `receive` has not returned yet."""
        return bool(self._tls.pending() or self._incoming.pending)

    def send(self, parts: Sequence[Buffer]) -> int:
        """Given what is to be said, encrypt the beginning of it, and return how many bytes that were."""
        first = parts[0][:CHUNK]
        # A head that goes out before its body would be two packets, and the second would wait for an answer.
        whole = b"".join((first, parts[1][: CHUNK - len(first)])) if len(parts) > 1 else first
        return self._tls.write(whole)

    def flush(self) -> bool:
        """Pass on what has been encrypted; true when nothing is left."""
        while self._rest or self._outgoing.pending:
            self._rest = self._rest or self._outgoing.read(CHUNK)
            try:
                sent = self._sock.send(self._rest)
            except BlockingIOError:
                return False
            self._rest = self._rest[sent:]
        return True

    def finish(self) -> None:
        """Tell the client that nothing more will be said."""
        with contextlib.suppress(ssl.SSLError):
            self._tls.unwrap()
        self.flush()
        self._sock.shutdown(socket.SHUT_WR)
