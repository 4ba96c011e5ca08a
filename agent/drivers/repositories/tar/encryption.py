"""Encryption to public keys, so that a host cannot read its own backups: age, or GnuPG.

Neither needs a private key to encrypt. To decrypt, age is given a file of identities, GnuPG its own home.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from agent.drivers.repositories.tar import commands
from agent.errors import RunFailed
from agent.ports import Command


class Encryption(Struct, frozen=True):
    """How a repository's files are encrypted: `age` or `gnupg`, to whom, and where its keys are; `kind` "" is not."""

    kind: str = ""
    recipients: tuple[str, ...] = ()
    identity_file: str | None = None
    home: str | None = None

    @property
    def suffix(self) -> str:
        """How the names of encrypted files end."""
        return _SUFFIXES[self.kind]


_SUFFIXES = {"": "", "age": ".age", "gnupg": ".gpg"}


def of_settings(settings: Mapping[str, Any] | None) -> Encryption:
    """Given the `encryption` of a repository's settings, return it as a value."""
    if not settings:
        return Encryption()
    kind, options = next(iter(settings.items()))
    return Encryption(kind, tuple(options["recipients"]), options.get("identity_file"), options.get("home"))


def suffix_of(kind: str) -> str:
    """Given the `encryption` that a record tells, return how the names of its files end."""
    return _SUFFIXES[kind]


def encrypting(encryption: Encryption) -> tuple[Command, ...]:
    """Return the command that encrypts its input to its output, or none where nothing is encrypted."""
    if encryption.kind == "age":
        recipients = [f"--recipient={one}" for one in encryption.recipients]
        return (commands.make("age", "--encrypt", *recipients),)
    if encryption.kind == "gnupg":
        recipients = [f"--recipient={one}" for one in encryption.recipients]
        # What is encrypted is compressed already; whose keys these are is said by the policy, not by a web of trust.
        return (
            commands.make(*_gpg(encryption), "--compress-algo=none", "--trust-model=always", *recipients, "--encrypt"),
        )
    return ()


def decrypting(kind: str, encryption: Encryption) -> tuple[Command, ...]:
    """Given how a backup is encrypted and the repository's settings, return the command that decrypts its input.

    That is none where nothing is encrypted. Raises RunFailed when the settings name no private key.
    """
    if kind == "age":
        if encryption.kind != kind or not encryption.identity_file:
            raise RunFailed(
                "this backup is encrypted with age, and the repository's settings name no identity_file: "
                "bring the file with the private key to this host for the restore, and name it there"
            )
        return (commands.make("age", "--decrypt", f"--identity={encryption.identity_file}"),)
    if kind == "gnupg":
        if encryption.kind != kind:
            raise RunFailed("this backup is encrypted with GnuPG: name the home of its private key in the settings")
        return (commands.make(*_gpg(encryption), "--decrypt"),)
    return ()


def _gpg(encryption: Encryption) -> tuple[str, ...]:
    home = (f"--homedir={encryption.home}",) if encryption.home else ()
    return ("gpg", "--batch", "--no-tty", "--quiet", "--no-options", *home)
