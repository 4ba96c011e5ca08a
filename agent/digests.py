"""Digests, without what `hashlib` brings along.

`hashlib` loads OpenSSL, which costs each process 3.6 MB and some milliseconds. The interpreter has the same functions
of its own, and `random` of the standard library takes them from the same places.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

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

__all__ = ["blake2b", "sha256"]
