"""The host as a probe."""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from agent.model.policies import Threshold
from agent.model.signals import Sampling
from agent.probes.catalogue import ASKED_FOR, GROUPS, SIGNALS, group_of
from agent.probes.group import Measured
from agent.probes.host import HostProbe
from agent.probes.wanted import Wanted, wanted
from tests.daemon.test_thresholds import FILLING
from tests.fakes import FakeClock


def about(signal: str, **labels: str) -> Threshold:
    return replace(FILLING, condition=replace(FILLING.condition, signal=signal, labels=labels))


def values(sampling: Sampling, signal: str) -> dict[str, float]:
    return {"".join(value for _, value in s.labels): s.value for s in sampling.samples if s.signal == signal}


def test_every_sample_is_a_signal_of_the_catalogue() -> None:
    probe = HostProbe(time.monotonic, Wanted(GROUPS, processes=frozenset({"sleep"})))
    probe.sample()
    sampling = probe.sample()
    assert sampling.errors == {}
    for sample in sampling.samples:
        assert tuple(name for name, _ in sample.labels) == SIGNALS[sample.signal].labels
    keys = [(sample.signal, sample.labels) for sample in sampling.samples]
    assert len(set(keys)) == len(keys)


def test_second_pass_has_every_group_that_this_host_can_tell() -> None:
    clock = FakeClock()
    probe = HostProbe(clock.monotonic)
    first = {group_of(sample.signal) for sample in probe.sample().samples}
    clock.advance(10)
    time.sleep(0.05)
    second = {group_of(sample.signal) for sample in probe.sample().samples}
    assert first >= {"load", "memory", "disk", "file_descriptors", "uptime"}
    assert second >= first | {"cpu", "disk_io", "network"}


def test_only_the_groups_that_are_wanted_are_measured() -> None:
    probe = HostProbe(time.monotonic, Wanted(frozenset({"load", "uptime"})))
    assert {group_of(sample.signal) for sample in probe.sample().samples} == {"load", "uptime"}


def test_thresholds_want_their_group_and_what_they_name() -> None:
    thresholds = [
        about("process.count", name="nginx"),
        about("disk.free_bytes", mountpoint="/net"),
        about("home.latency_seconds", mountpoint="/elsewhere"),
    ]
    assert wanted([]).groups == GROUPS - ASKED_FOR
    found = wanted(thresholds, exported=frozenset({"load"}))
    assert found.groups == {"load", "process", "disk"}
    assert found.processes == {"nginx"}
    assert found.mountpoints == {"/net"}


def test_wants_may_change_and_rates_go_on() -> None:
    clock = FakeClock()
    probe = HostProbe(clock.monotonic, Wanted(frozenset({"network"})))
    probe.sample()
    clock.advance(10)
    probe.want(Wanted(frozenset({"network", "process"}), processes=frozenset({"no-such-program"})))
    sampling = probe.sample()
    assert values(sampling, "network.received_bytes_per_second")
    assert values(sampling, "process.count") == {"no-such-program": 0.0}


def test_group_that_fails_is_told_and_the_others_are_measured() -> None:
    def broken(now: float) -> Measured:
        raise ValueError("cannot parse")

    probe = HostProbe(time.monotonic, Wanted(frozenset({"load", "memory"})), instead={"memory": broken})
    sampling = probe.sample()
    assert sampling.errors == {"memory": "ValueError: cannot parse"}
    assert values(sampling, "load.1m")


def test_root_file_system_agrees_with_statvfs() -> None:
    sampling = HostProbe(time.monotonic).sample()
    numbers = os.statvfs("/")
    used = numbers.f_blocks - numbers.f_bfree
    assert values(sampling, "disk.total_bytes")["/"] == numbers.f_blocks * numbers.f_frsize
    assert values(sampling, "disk.used_percent")["/"] == pytest.approx(100 * used / (used + numbers.f_bavail), abs=1)
    assert values(sampling, "disk.read_only")["/"] == 0


def test_pass_is_frugal() -> None:
    probe = HostProbe(time.monotonic)
    probe.sample()
    costs = []
    for _ in range(20):
        before = time.process_time()
        probe.sample()
        costs.append(time.process_time() - before)
    assert sorted(costs)[10] < 0.01  # it takes half a millisecond; the rest is for slow and busy machines


@contextmanager
def silent_file_system(directory: Path) -> Iterator[None]:
    """Mount a file system in user space whose program never answers, so that whoever asks it hangs."""
    libc = ctypes.CDLL(None, use_errno=True)
    device = os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0".encode()
    mounted = libc.mount(b"silent", os.fsencode(directory), b"fuse.silent", 0, options)
    assert mounted == 0, os.strerror(ctypes.get_errno())
    try:
        yield
    finally:
        os.close(device)  # which ends the file system, and with it the waiting of those who asked
        libc.umount2(os.fsencode(directory), 2)


@pytest.mark.root
def test_file_system_that_never_answers_holds_nothing_up(tmp_path: Path) -> None:
    silent = tmp_path / "silent"
    silent.mkdir()
    with silent_file_system(silent):
        unnamed = HostProbe(time.monotonic).sample()
        assert str(silent) not in values(unnamed, "disk.used_percent")
        assert unnamed.errors == {}
        named = HostProbe(time.monotonic, wanted([about("disk.used_percent", mountpoint=str(silent))]))
        started = time.monotonic()
        sampling = [named.sample() for _ in range(5)][-1]
        assert time.monotonic() - started < 30
        assert sampling.errors == {"disk": f"{silent}: has not answered yet"}
        assert "/" in values(sampling, "disk.used_percent")
