"""Conditions as values: a signal, a bound on it, and how firmly the bound must be violated."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct, field


class NoData(StrEnum):
    """Which verdict a missing measurement gives."""

    INCONCLUSIVE = "inconclusive"
    FAIL = "fail"
    PASS = "pass"


class Bound(Struct, frozen=True):
    """The values that violate a condition; exactly one is set.

    `above` and `below` exclude the bound itself; `outside` is violated beyond either end of the inclusive range;
    `equals` by that very number, and `not_equals` by every other.
    """

    above: float | None = None
    below: float | None = None
    outside: tuple[float, float] | None = None
    equals: float | None = None
    not_equals: float | None = None


class Rate(Struct, frozen=True):
    """How fast a signal changes: its change over the last `over` seconds, stated for `per` seconds."""

    over: float
    per: float


class Against(StrEnum):
    """What the present value is compared with: the same time of day, so many calendar days ago."""

    YESTERDAY = "yesterday"
    LAST_WEEK = "last_week"


class As(StrEnum):
    """What of two values is held against the bound: now minus then, now by then, the difference in percent of then."""

    DIFFERENCE = "difference"
    RATIO = "ratio"
    PERCENT = "percent"


class Comparison(Struct, frozen=True):
    """What a signal is compared with, and how."""

    against: Against
    as_: As


class Condition(Struct, frozen=True, kw_only=True):
    """What thresholds, rollback triggers and success criteria have in common. Durations are seconds.

    It is about every series of `signal` that carries `labels`. `clear` is the bound whose violation keeps a firing
    condition firing; it equals `bound` when none is given. `samples` measurements in a row, or of the last `of`, must
    violate the bound, and have done so for `for_` seconds, before it fires. It goes on firing until no measurement has
    violated it for `keep_for` seconds. With `change` or `compare` the bounds are on that instead of the value.
    """

    signal: str
    bound: Bound
    clear: Bound
    labels: Mapping[str, str] = field(default_factory=dict)
    for_: float = 0.0
    samples: int = 1
    of: int | None = None
    keep_for: float = 0.0
    no_data: NoData = NoData.INCONCLUSIVE
    change: Rate | None = None
    compare: Comparison | None = None
