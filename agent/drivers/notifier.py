"""What carries messages to people: the driver of one receiver, and what it may say."""

from __future__ import annotations

from typing import Protocol

from agent.model.notices import Answer, Message

SECONDS = 30.0
"""So long a receiver may take for one message; then it counts as not delivered."""


class Driver(Protocol):
    """Carries messages to one receiver. It may be slow, but it comes back after `SECONDS` if the system lets it."""

    def send(self, message: Message) -> Answer:
        """Send a message, and return what the receiver said. Nothing is raised for what a receiver does.

        Raises RunFailed for what only an admin can mend: a missing file, a program that is not installed.
        """
        ...

    def alive(self) -> Answer:
        """Say that the agent is healthy, to receivers that wait for it."""
        ...
