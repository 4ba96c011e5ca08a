"""What restic tells of the objects in a snapshot."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from agent.drivers.repositories.restic.tree import instant


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ("1970-01-01T00:00:00Z", 0.0),
        ("2026-12-01T03:53:03.287122031Z", datetime(2026, 12, 1, 3, 53, 3, 287122, tzinfo=UTC).timestamp()),
        ("2026-12-01T04:53:03+01:00", datetime(2026, 12, 1, 3, 53, 3, tzinfo=UTC).timestamp()),
        ("0001-01-01T00:00:00+14:00", -62135596800.0 - 14 * 3600),
        ("0000-12-31T23:59:59Z", -62135596801.0),
        ("0000-02-29T12:00:00-05:00", -62167219200.0 + 59 * 86400 + 17 * 3600),
        ("0000-01-01T00:00:00Z", -62167219200.0),
        ("9999-12-31T23:59:59Z", 253402300799.0),
    ],
)
def test_instant_of_any_file_is_read(told: str, seconds: float) -> None:
    assert instant(told) == seconds
