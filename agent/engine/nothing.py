"""What a host knows of its backups before it has made one; fits `agent.ports.Ledger`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agent.model.backups import Backup, Proof, Verification


class NoBackups:
    """An empty ledger that stays empty, for looking where no store is."""

    def made(self, backup: Backup) -> None:
        """Forget it."""

    def known(self, repository: str, task: str) -> tuple[Backup, ...]:
        """Return none."""
        del repository, task
        return ()

    def removed(self, repository: str, backups: Sequence[str]) -> None:
        """Forget it."""

    def proved(self, proof: Proof) -> None:
        """Forget it."""

    def proofs(self, repository: str) -> Mapping[str, Proof]:
        """Return none."""
        del repository
        return {}

    def verified(self, verification: Verification) -> None:
        """Forget it."""

    def verifications(self, repository: str) -> Mapping[str, Verification]:
        """Return none."""
        del repository
        return {}
