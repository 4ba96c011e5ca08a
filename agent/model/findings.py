"""Findings: what an audit or an analysis says about the host, and keeps saying until it no longer holds."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from agent.model.policies import Severity

WORST: Mapping[Severity, int] = {Severity.CRITICAL: 0, Severity.WARNING: 1, Severity.INFO: 2}
"""The order of severities, the worst first."""


class Finding(Struct, frozen=True, kw_only=True):
    """What is found: `id` is the same whenever the same is found again by the same task.

    `subject` is what it is about, `sentence` what is the case, `remedy` what a person can do, `samples` some of what it
    was concluded from, without secrets. Instants are seconds since the epoch; `first_seen` of a finding that is
    already known stays what it was.
    """

    task: str
    id: str
    severity: Severity
    subject: str
    sentence: str
    remedy: str
    samples: tuple[str, ...] = ()
    first_seen: float
    last_seen: float
