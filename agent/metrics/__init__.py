"""The exporter: every number that the agent acts on, as Prometheus reads it."""

from __future__ import annotations

from agent.metrics.metrics import Metrics
from agent.metrics.records import (
    BackupFacts,
    DaemonFacts,
    HistoryFacts,
    IncidentFacts,
    NotifierFacts,
    PolicyFacts,
    ProbeFacts,
    ProberFacts,
    QueueFacts,
    RunFacts,
    TaskFacts,
    ThresholdFacts,
    WebFacts,
)

__all__ = [
    "BackupFacts",
    "DaemonFacts",
    "HistoryFacts",
    "IncidentFacts",
    "Metrics",
    "NotifierFacts",
    "PolicyFacts",
    "ProbeFacts",
    "ProberFacts",
    "QueueFacts",
    "RunFacts",
    "TaskFacts",
    "ThresholdFacts",
    "WebFacts",
]
