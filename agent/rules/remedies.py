"""What becomes of a remedy: a task that a threshold runs for one of its series, and whether it helps there.

- A breaker lets it act so many times within so long for this one series, whatever it does for others.
- It helped when the condition cleared within the time that it is given after its run. It did not when the condition
  still fires then, however the run ended. A run that never began says nothing, nor does one during which it cleared.
- One that did not help acts again while the condition fires, until it did not help so many times in a row.
- An admin who releases it gives it all of these chances anew, and the first at once if the condition fires.
"""

from __future__ import annotations

import json
from enum import StrEnum

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from agent.model.policies import Breaker
from agent.model.runs import Run, RunState
from agent.model.signals import Labels
from agent.rules.breaker import admit


class Remedy(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What is remembered of a remedy for one series; instants are seconds since the epoch.

    `made` are its latest runs, `awaited` is the id of the run that is watched for its help, and `failures` are the
    instants, in a row, at which it was found not to have helped.
    """

    made: tuple[float, ...] = ()
    awaited: int | None = None
    failures: tuple[float, ...] = ()


class Help(StrEnum):
    """What is known of a run's help while the condition fires."""

    OPEN = "open"
    NONE = "none"
    UNTRIED = "untried"


_decoder = msgspec.json.Decoder(Remedy)
_NEVER_BEGAN = frozenset({RunState.SKIPPED, RunState.MISSED})


def may_act(at_most: Breaker | None, remedy: Remedy, released: float, now: float) -> bool:
    """Tell whether a breaker lets a remedy act at `now`, where an admin released it last at `released`, or 0.0."""
    return admit(at_most, [made for made in remedy.made if made >= released], now).allowed


def acted(at_most: Breaker | None, remedy: Remedy, run: int | None, now: float) -> Remedy:
    """Given the id of the run that was made, None where nobody looks for its help, return what is remembered."""
    counted = [made for made in remedy.made if at_most is not None and now - made < at_most.per]
    kept = at_most.times - 1 if at_most is not None else 0
    return replace(remedy, made=(*counted[len(counted) - min(kept, len(counted)) :], now), awaited=run)


def help_of(run: Run | None, within: float, now: float) -> Help:
    """Given the awaited run, None where it is forgotten, while the condition fires: what is known of its help."""
    if run is None or run.state in _NEVER_BEGAN:
        return Help.UNTRIED
    if run.ended is None or now - run.ended < within:
        return Help.OPEN
    return Help.NONE


def failed(remedy: Remedy, released: float, now: float) -> Remedy:
    """It did not help: return what is remembered. Failures before an admin released it are forgotten."""
    return replace(remedy, awaited=None, failures=(*(at for at in remedy.failures if at > released), now))


def cleared(remedy: Remedy, run: Run | None, within: float, now: float) -> Remedy:
    """The condition has cleared at `now`: return what is remembered, given the awaited run as in `help_of`."""
    helped = run is not None and run.ended is not None and help_of(run, within, now) is Help.OPEN
    return replace(remedy, awaited=None, failures=() if helped else remedy.failures)


def counts_nothing(remedy: Remedy, at_most: Breaker | None, now: float) -> bool:
    """Tell whether what is remembered of a remedy, whose condition does not fire, decides nothing any more."""
    return not remedy.failures and (at_most is None or all(now - made >= at_most.per for made in remedy.made))


def is_released(remedy: Remedy, released: float, fired_at: float) -> bool:
    """Tell whether an admin has released a remedy since its threshold fired, and it has not acted since."""
    return released > fired_at and all(made < released for made in remedy.made)


def remedy_name(threshold: str, task: str, series: Labels) -> str:
    """Return the name under which a remedy is held, such as `filling/free-space{mountpoint="/"}`."""
    labels = ",".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in series)
    return f"{threshold}/{task}" + (f"{{{labels}}}" if labels else "")


def is_of(name: str, thing: str) -> bool:
    """Tell whether a name that is held is that of a remedy of a threshold, or of a task as a remedy of any."""
    threshold, _, rest = name.partition("/")
    return bool(rest) and thing in (threshold, rest.partition("{")[0])


def dump_remedy(remedy: Remedy) -> str:
    """Given what is remembered of a remedy, return its JSON text."""
    return msgspec.json.encode(remedy).decode()


def load_remedy(text: str) -> Remedy:
    """Given JSON text made by `dump_remedy`, return it; ValueError for anything else."""
    return _decoder.decode(text)
