"""What a host knows before anything was done there, for looking where no store is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agent.model.backups import Backup, Proof, Verification
from agent.model.findings import Finding
from agent.model.signals import Labels, Points, Sample


class NoBackups:
    """An empty ledger that stays empty; fits `agent.ports.Ledger`."""

    def made(self, backup: Backup) -> None:
        """Forget it."""

    def known(self, repository: str, task: str) -> tuple[Backup, ...]:
        """Return none."""
        del repository, task
        return ()

    def tasks(self, repository: str) -> tuple[str, ...]:
        """Return none."""
        del repository
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


class NoDiscoveries:
    """Forgets what is found out; fits `agent.ports.Discoveries`."""

    def found(self, findings: Sequence[Finding]) -> None:
        """Forget them."""

    def settled(self, task: str, finding: str) -> bool:
        """Return False: there is none."""
        del task, finding
        return False

    def measured(self, task: str, at: float, samples: Sequence[Sample]) -> None:
        """Forget them."""


class NoSamples:
    """No samples of anything; fits `agent.ports.SampleHistory`."""

    def series(self) -> Sequence[tuple[str, Labels]]:
        """Return none."""
        return ()

    def read(self, key: tuple[str, Labels], start: float, end: float) -> Points:
        """Return none."""
        del key, start, end
        return Points((), (), (), (), (), ())
