"""Who is let in and how bytes are carried; it can be replaced while the server serves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:  # an agent whose metrics are open to the loopback address loads neither TLS nor bcrypt
    import ssl

    from agent.host.http.passwords import Passwords


class Security(Struct, frozen=True, eq=False):
    """`context` is None for plain HTTP, `passwords` None for no authentication.

    `names` are what a client's certificate must bear one of, `headers` fields of every answer. With `shut`, everybody
    is turned away at once.
    """

    context: ssl.SSLContext | None = None
    passwords: Passwords | None = None
    names: frozenset[str] = frozenset()
    headers: tuple[tuple[str, str], ...] = ()
    shut: bool = False
