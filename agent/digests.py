"""Digests, without what `hashlib` brings along.

`hashlib` loads OpenSSL, which costs each process 3.6 MB and some milliseconds. The interpreter has the same functions
of its own, and `random` of the standard library takes them from the same places.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from hashlib import blake2b, sha256
else:
    try:
        from _blake2 import blake2b

        try:
            from _sha2 import sha256
        except ImportError:  # before Python 3.12
            from _sha256 import sha256
    except ImportError:  # an interpreter that was built without them
        from hashlib import blake2b, sha256

__all__ = ["Digest", "blake2b", "blake3", "content_sha256", "sha256"]


class Digest(Protocol):
    """What takes bytes and tells their digest."""

    def update(self, data: bytes | memoryview, /) -> object: ...  # noqa: D102

    def hexdigest(self) -> str: ...  # noqa: D102


def blake3(data: bytes = b"") -> Digest:
    """Return a new BLAKE3 digest, four times as fast as SHA-256. Who asks for none does not load it."""
    from blake3 import blake3 as new  # noqa: PLC0415 - see above

    return new(data)


def content_sha256() -> Digest:
    """Return a new SHA-256 digest for contents of files: OpenSSL's, which knows what the processor can.

    Where that has no instructions for it, it takes four times as long. Who asks for none does not load it.
    """
    from hashlib import sha256 as new  # noqa: PLC0415 - see above

    return new()
