"""The system's clock, and the host's time zone however it is written down."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.errors import BadArgument
from agent.host.clock import SystemClock, began, boot_id, local_zone

ZONES = Path("/usr/share/zoneinfo")
SUMMER = datetime(2026, 7, 1, 12, tzinfo=UTC)
WINTER = datetime(2026, 1, 1, 12, tzinfo=UTC)


def hours(zone: object) -> tuple[float, float]:
    """Return a zone's distance to UTC in winter and in summer."""
    offsets = (day.astimezone(zone).utcoffset() for day in (WINTER, SUMMER))  # type: ignore[arg-type]  # any zone
    return tuple(offset.total_seconds() / 3600 for offset in offsets if offset is not None)  # type: ignore[return-value]


def test_now_is_aware_and_utc() -> None:
    now = SystemClock().now()
    assert now.tzinfo is UTC
    assert abs(now.timestamp() - time.time()) < 5


def test_seconds_are_those_of_now() -> None:
    before = SystemClock().now().timestamp()
    assert before - 1e-5 <= SystemClock().seconds() <= SystemClock().now().timestamp() + 1e-5


def test_monotonic_counts_from_boot() -> None:
    clock = SystemClock()
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    assert clock.monotonic() == pytest.approx(uptime, abs=5)
    before = clock.monotonic()
    clock.sleep(0.01)
    assert 0.01 <= clock.monotonic() - before < 30


def test_sleep_of_nothing_returns_at_once() -> None:
    before = time.monotonic()
    SystemClock().sleep(-3600)
    assert time.monotonic() - before < 30


def test_boot_of_a_container_began_when_its_first_process_did() -> None:
    assert began(f"container:{300 * os.sysconf('SC_CLK_TCK')}") == 300.0
    assert began("4b3b4b9e-7b0c-4a51-9d3c-0e0a7d1c2f55") == 0.0
    assert began(boot_id()) <= SystemClock().monotonic()


def test_boot_id_is_the_same_for_all() -> None:
    assert boot_id() == boot_id()
    if os.readlink("/proc/self/ns/pid") == "pid:[4026531836]":
        assert boot_id() == Path("/proc/sys/kernel/random/boot_id").read_text().strip()


@pytest.mark.root
def test_boot_id_in_a_container_is_that_of_its_first_process_whatever_hides_the_kernels(tmp_path: Path) -> None:
    (tmp_path / "own").write_text("own\n")
    program = f'"{sys.executable}" -c "from agent.host.clock import boot_id; print(boot_id())"'
    script = f"{program}; mount --bind {tmp_path}/own /proc/sys/kernel/random/boot_id; {program}"
    container = ["unshare", "--mount", "--pid", "--fork", "--mount-proc", "sh", "-c", script]
    first, second = (subprocess.check_output(container, text=True).split() for _ in range(2))
    assert len(set(first)) == len(set(second)) == 1
    assert first != second


@pytest.mark.parametrize(
    ("text", "key", "expected"),
    [
        ("Europe/Berlin", "Europe/Berlin", (1, 2)),
        (":Europe/Berlin", "Europe/Berlin", (1, 2)),
        ("UTC", "UTC", (0, 0)),
        (f"{ZONES}/Asia/Kathmandu", "Asia/Kathmandu", (5.75, 5.75)),
        ("CET-1CEST,M3.5.0,M10.5.0/3", None, (1, 2)),
        ("<+0330>-3:30", None, (3.5, 3.5)),
    ],
)
def test_local_zone_of_tz_variable(text: str, key: str | None, expected: tuple[float, float]) -> None:
    zone = local_zone({"TZ": text})
    assert (zone.key, hours(zone)) == (key, expected)


@pytest.mark.parametrize("text", ["Europe/Atlantis", "../../etc/passwd", "a b", "Ä", "CET-1CEST,never"])
def test_local_zone_of_senseless_tz_says_so(text: str) -> None:
    with pytest.raises(BadArgument, match=r"names no time zone: set it to a name such as Europe/Berlin"):
        local_zone({"TZ": text})


@pytest.mark.parametrize("text", ["/etc", "/" + "a" * 5000])
def test_local_zone_of_a_path_that_cannot_be_read_says_so(text: str) -> None:
    with pytest.raises(BadArgument, match=r"cannot be read: .*; set TZ to a name such as Europe/Berlin, or unset it"):
        local_zone({"TZ": text})


def test_local_zone_of_a_link_has_its_name(tmp_path: Path) -> None:
    localtime = tmp_path / "localtime"
    localtime.symlink_to(ZONES / "America" / "New_York")
    zone = local_zone({}, str(localtime))
    assert (zone.key, hours(zone)) == ("America/New_York", (-5, -4))


@pytest.mark.parametrize(
    ("timezone", "key"), [("Europe/Berlin\n", "Europe/Berlin"), ("Asia/Tokyo\n", None), (None, None)]
)
def test_local_zone_of_a_copy_has_the_name_only_if_it_is_known(
    tmp_path: Path, timezone: str | None, key: str | None
) -> None:
    localtime = tmp_path / "localtime"
    localtime.write_bytes((ZONES / "Europe" / "Berlin").read_bytes())
    if timezone is not None:
        (tmp_path / "timezone").write_text(timezone)
    zone = local_zone({}, str(localtime), str(tmp_path / "timezone"))
    assert (zone.key, hours(zone)) == (key, (1, 2))


def test_local_zone_without_any_is_utc(tmp_path: Path) -> None:
    assert local_zone({}, str(tmp_path / "missing")).key == "UTC"


def test_local_zone_of_a_broken_file_says_so(tmp_path: Path) -> None:
    (tmp_path / "localtime").write_text("nonsense")
    with pytest.raises(BadArgument, match="is not a time zone file"):
        local_zone({}, str(tmp_path / "localtime"))


PINNED = """
import os, subprocess, sys, time
from agent.host.clock import local_zone, pin_utc
pin_utc()
pin_utc()
print(time.localtime(0).tm_hour, local_zone().key, flush=True)
if len(sys.argv) < 2:
    subprocess.run([sys.executable, "-c", os.environ["PINNED"], "again"], check=True)
"""


def test_pin_utc_keeps_the_zone_for_this_process_and_its_children() -> None:
    environment = {**os.environ, "TZ": "Asia/Tokyo", "PINNED": PINNED}
    argv = [sys.executable, "-c", PINNED]
    result = subprocess.run(argv, env=environment, capture_output=True, text=True, check=True)
    assert result.stdout == "0 Asia/Tokyo\n0 Asia/Tokyo\n"
