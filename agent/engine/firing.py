"""A threshold that fires or clears, and what hears of it in the same breath."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

from agent.model.policies import Threshold
from agent.model.signals import ConditionState, Labels
from agent.rules.conditions import Event


class Firing(Struct, frozen=True, kw_only=True):
    """A threshold that fired or cleared on one of its series, at `at` (seconds since the epoch).

    `fired_at` is when it fired; `state` is what the condition remembers from now on. `runs` are the ids of the runs
    made for it. `muted` says why nobody is to be told of it, "" where somebody is: a threshold that still fires when
    what muted it is over fires once more, then with `muted` "". One that clears is muted if it was muted throughout.
    """

    threshold: Threshold
    series: Labels
    event: Event
    at: float
    fired_at: float
    state: ConditionState
    runs: tuple[int, ...] = ()
    muted: str = ""


class Reactor(Protocol):
    """Hears of every threshold that fires or clears, such as what notifies and what opens incidents."""

    def react(self, firing: Firing) -> None:
        """Write what follows into the store. It is called inside the transaction that writes the condition's state.

        So both are kept or neither, whenever the agent is killed; it must be quick, and do nothing but write.
        """
        ...

    def withdraw(self, threshold: str, series: Labels, at: float) -> None:
        """Hear that a firing threshold is no longer in the policies, or means something else in them; as `react`.

        It will neither be reported as cleared nor fire any more as the threshold that it was.
        """
        ...
