"""What the functions of this driver share: where the repository is, how it is written, and what to work with."""

from __future__ import annotations

from msgspec import Struct

from agent.drivers.database import Tools
from agent.drivers.repositories.tar.encryption import Encryption


class Site(Struct, frozen=True, kw_only=True):
    """A repository as the policy has it: its name there, its directory, zstd's level and threads, the encryption.

    `limit_read` is how many bytes of sources may be read in a second, 0 for any number.
    """

    name: str
    path: str
    level: int
    threads: int
    encryption: Encryption
    limit_read: int = 0
    tools: Tools
