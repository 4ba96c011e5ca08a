"""One backup that is being made: what was asked for, where it goes, and what it is made with."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from agent.drivers.repositories.tar import commands
from agent.drivers.repositories.tar.encryption import encrypting
from agent.drivers.repositories.tar.site import Site
from agent.drivers.repositories.tar.state import State
from agent.drivers.repository import Request
from agent.ports import Command


class Job(Struct, frozen=True, kw_only=True):
    """`paths` are those to back up, checked; `draft` is the directory that becomes the backup; `versions` are those of
    the programs by name."""

    site: Site
    request: Request
    paths: tuple[str, ...]
    state: State
    draft: str
    versions: Mapping[str, str]

    def writers(self, *, small: bool = False) -> tuple[Command, ...]:
        """Return the programs that a file of the backup is written through; `small` ones take less memory."""
        site = self.site
        threads = 0 if small else site.threads
        return (commands.compressing(site.level, threads, self.versions["zstd"]), *encrypting(site.encryption))


def programs(site: Site, request: Request) -> tuple[str, ...]:
    """Return the names of the programs that a backup takes."""
    encryption = {"age": ("age",), "gnupg": ("gpg",)}.get(site.encryption.kind, ())
    return (*(("tar",) if request.paths else ()), "zstd", *encryption)
