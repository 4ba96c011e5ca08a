"""What the functions of this driver share: where the repository is, how it is written, and what to work with."""

from __future__ import annotations

from msgspec import Struct

from agent.drivers.database import Tools
from agent.drivers.repositories.tar.encryption import Encryption


class Site(Struct, frozen=True, kw_only=True):
    """A repository as the policy has it: its name there, its directory, zstd's level and threads, the encryption."""

    name: str
    path: str
    level: int
    threads: int
    encryption: Encryption
    tools: Tools
