"""Time as the host tells it: the system clock, the host's time zone and the id of this boot."""

from __future__ import annotations

import io
import os
import struct
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from agent.errors import BadArgument

ORIGINAL_TZ = "HOSTKEEPER_TZ"
"""Where `pin_utc` keeps the TZ it replaced, so that this process and its children still know the host's zone."""

_FIRST_NAMESPACE = "pid:[4026531836]"
"""The process namespace that is no container's; the kernel gives it this number at every boot (PROC_PID_INIT_INO)."""


class SystemClock:
    """`agent.ports.Clock` over the system's clocks; `monotonic` is CLOCK_BOOTTIME, which counts suspended time."""

    def now(self) -> datetime:
        """Return the present instant, aware and in UTC."""
        return datetime.now(UTC)

    def seconds(self) -> float:
        """Return the present instant in seconds since the epoch."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds since boot, suspended ones included; they never step."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def suspended(self) -> float:
        """Return for how many seconds since boot the host was suspended: CLOCK_MONOTONIC does not count those."""
        return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - time.monotonic())

    def sleep(self, seconds: float) -> None:
        """Given seconds, return after that long; at once for zero and less."""
        time.sleep(max(0.0, seconds))


def boot_id() -> str:
    """Return what this boot is called, alike for all processes; a process id means nothing beyond its boot.

    It is the kernel's own UUID. In a container it is when the first process there began: a container may have a UUID of
    its own mounted over the kernel's, and what systemd shuts in sees the kernel's again (nspawn with systemd 252).
    """
    if os.readlink("/proc/self/ns/pid") != _FIRST_NAMESPACE:
        # Imported in a container: elsewhere who asks for the time does not pay for it.
        from agent.host.proc import look  # noqa: PLC0415

        if first := look(1):
            return f"container:{first.started}"
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()


def began(boot: str) -> float:
    """Given what `boot_id` returns, return when that began, in monotonic seconds."""
    kind, _, started = boot.partition(":")
    return float(started) / os.sysconf("SC_CLK_TCK") if kind == "container" else 0.0


def pin_utc() -> None:
    """Make this process count local time in UTC; `local_zone` still tells the host's own zone afterwards."""
    os.environ.setdefault(ORIGINAL_TZ, os.environ.get("TZ", ""))
    os.environ["TZ"] = "UTC"
    time.tzset()


def local_zone(
    environ: Mapping[str, str] = os.environ, localtime: str = "/etc/localtime", timezone: str = "/etc/timezone"
) -> ZoneInfo:
    """Return the host's time zone, from TZ or else /etc/localtime; its `key` is the tz name, None when unknown.

    A host without either counts in UTC, as the C library does. Raises BadArgument for what is there and is no zone.
    """
    text = environ.get(ORIGINAL_TZ, environ.get("TZ", "")).removeprefix(":")
    if not text:
        return _zone_of_file(localtime, timezone)
    if text.startswith("/"):
        return _zone_of_file(text, timezone)
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError):
        return _zone_of_rule(text)


def _zone_of_file(path: str, timezone: str) -> ZoneInfo:
    try:
        with open(path, "rb") as file:
            data = file.read()
    except FileNotFoundError:
        return ZoneInfo("UTC")
    except OSError as error:
        wrong = f"the time zone {path!r} cannot be read: {error.strerror}"
        raise BadArgument(f"{wrong}; set TZ to a name such as Europe/Berlin, or unset it") from error
    for name in _names_of_file(path, timezone):
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError):
            continue
    try:
        return ZoneInfo.from_file(io.BytesIO(data))
    except ValueError as error:
        raise BadArgument(f"{path} is not a time zone file: link it to a zone under /usr/share/zoneinfo") from error


def _names_of_file(path: str, timezone: str) -> list[str]:
    _, found, name = os.path.realpath(path).partition("/zoneinfo/")
    if found:
        return [name.removeprefix("posix/").removeprefix("right/")]
    try:
        with open(timezone, encoding="utf-8") as file:
            name = file.read().strip()
        with open(path, "rb") as ours, open(f"/usr/share/zoneinfo/{name}", "rb") as named:
            return [name] if ours.read() == named.read() else []
    except (OSError, UnicodeDecodeError):
        return []


def _zone_of_rule(text: str) -> ZoneInfo:
    """Given a POSIX rule such as `CET-1CEST,M3.5.0,M10.5.0/3`, return its zone by way of a TZif footer (RFC 8536)."""
    block = struct.pack(">4sc15x6l", b"TZif", b"2", 0, 0, 0, 0, 1, 4) + struct.pack(">lBB4s", 0, 0, 0, b"UTC\0")
    try:
        return ZoneInfo.from_file(io.BytesIO(block + block + b"\n" + text.encode("ascii") + b"\n"))
    except ValueError as error:
        raise BadArgument(
            f"TZ={text!r} names no time zone: set it to a name such as Europe/Berlin, or unset it"
        ) from error
