"""Each group of signals on this host, and its parsing of what kernels tell."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping
from typing import NamedTuple

import psutil
import pytest

from agent.probes.counters import DiskIo, Network, parse_device, parse_interfaces
from agent.probes.cpu import Cpu, Load, read_uptime
from agent.probes.group import Measured
from agent.probes.kernel import FileDescriptors, Pressure, parse_stalled
from agent.probes.memory import Memory
from agent.probes.temperatures import LOOKED_FOR_EVERY, Temperatures


def numbers(found: Measured) -> dict[str, float]:
    assert found.error == ""
    return {sample.signal: sample.value for sample in found.samples}


def burn(seconds: float) -> None:
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def test_processor_time_adds_up_to_what_was_used() -> None:
    cpu = Cpu()
    assert numbers(cpu.read(0.0)) == {}
    burn(0.3)
    shares = numbers(cpu.read(1.0))
    assert shares.keys() == {f"cpu.{name}_percent" for name in ("used", "user", "system", "iowait", "steal")}
    parts = (shares[f"cpu.{name}_percent"] for name in ("user", "system", "steal"))
    assert shares["cpu.used_percent"] == pytest.approx(sum(parts))
    assert 25 / (os.cpu_count() or 1) < shares["cpu.used_percent"] <= 100


def test_two_passes_in_one_tick_have_no_shares_of_processor_time() -> None:
    cpu = Cpu()
    cpu.read(0.0)
    for _ in range(3):
        shares = numbers(cpu.read(0.0))
        assert all(0 <= share <= 100 for share in shares.values())


def test_load_is_told_as_it_is_and_per_processor() -> None:
    before = os.getloadavg()[0]
    found = numbers(Load().read(0.0))
    # The kernel sets it anew every five seconds.
    assert found["load.1m"] in (pytest.approx(before, abs=0.01), pytest.approx(os.getloadavg()[0], abs=0.01))
    assert found["load.per_cpu_15m"] == pytest.approx(found["load.15m"] / (os.cpu_count() or 1))


def test_uptime_agrees_with_the_kernel() -> None:
    with open("/proc/uptime", encoding="ascii") as file:
        assert numbers(read_uptime(0.0))["uptime.seconds"] == pytest.approx(float(file.read().split()[0]), abs=1)


def test_memory_of_this_host_is_told() -> None:
    found = numbers(Memory().read(0.0))
    assert found["memory.total_bytes"] == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    used = found["memory.total_bytes"] - found["memory.available_bytes"]
    assert found["memory.used_percent"] == pytest.approx(100 * used / found["memory.total_bytes"])


def test_swap_of_this_host_is_told_if_there_is_any() -> None:
    with open("/proc/swaps", encoding="ascii") as file:
        has_swap = len(file.readlines()) > 1
    assert bool(numbers(Memory().read_swap(0.0))) is has_swap


def test_file_descriptors_of_the_host_are_counted() -> None:
    found = numbers(FileDescriptors().read(0.0))
    assert found["file_descriptors.open"] > 10
    assert 0 < found["file_descriptors.used_percent"] < 100


def test_pressure_is_parsed() -> None:
    assert parse_stalled(b"some avg10=0.06 avg60=0.15 avg300=0.12 total=6981384") == 6981384


def test_newest_id_is_that_of_the_table_that_was_read_last_and_then_of_another() -> None:
    load = Load()
    load.read(0.0)
    before = load.newest()
    subprocess.run(["true"], check=True)
    assert load.newest() != before


def test_pressure_is_a_share_of_the_time_between_passes() -> None:
    pressure = Pressure()
    assert numbers(pressure.read(time.monotonic())) == {}
    time.sleep(0.05)
    found = numbers(pressure.read(time.monotonic()))
    if os.path.exists("/proc/pressure/cpu"):
        assert found.keys() == {
            *("pressure.cpu.some_percent", "pressure.io.some_percent", "pressure.io.full_percent"),
            *("pressure.memory.some_percent", "pressure.memory.full_percent"),
        }
    assert all(0 <= share <= 100 for share in found.values())


def test_shares_of_processor_time_are_those_of_the_kernels_own_table() -> None:
    def ticks() -> list[int]:
        with open("/proc/stat", encoding="ascii") as file:
            return [int(field) for field in file.readline().split()[1:9]]

    cpu = Cpu()
    before = ticks()
    cpu.read(0.0)
    burn(0.5)
    shares = numbers(cpu.read(1.0))
    user, nice, system, idle, iowait, irq, softirq, steal = (b - a for a, b in zip(before, ticks(), strict=True))
    total = user + nice + system + idle + iowait + irq + softirq + steal
    assert shares["cpu.user_percent"] == pytest.approx(100 * (user + nice) / total, abs=10)
    assert shares["cpu.system_percent"] == pytest.approx(100 * (system + irq + softirq) / total, abs=10)


def test_memory_is_that_of_the_kernels_own_table() -> None:
    def table() -> dict[str, int]:
        with open("/proc/meminfo", encoding="ascii") as file:
            return {line.split(":")[0]: int(line.split()[1]) * 1024 for line in file}

    before = table()
    found = {**numbers(Memory().read(0.0)), **numbers(Memory().read_swap(0.0))}
    after = table()
    names = {"memory.available_bytes": "MemAvailable"} | (
        {"swap.free_bytes": "SwapFree"} if before["SwapTotal"] else {}
    )
    for signal, name in names.items():
        assert found[signal] in (pytest.approx(before[name], rel=0.2), pytest.approx(after[name], rel=0.2))


Counters = Mapping[str, tuple[float, ...]]


def lie_between(before: Counters, told: Counters, after: Counters) -> bool:
    """Whether counters of a host at work were read between two others; what came or went meanwhile is not compared."""
    return told.keys() <= before.keys() | after.keys() and all(
        low <= number <= high
        for name in before.keys() & told.keys() & after.keys()
        for low, number, high in zip(before[name], told[name], after[name], strict=True)
    )


def test_counters_of_block_devices_are_those_of_psutil() -> None:
    def ours() -> Counters:
        with open("/proc/diskstats", encoding="ascii") as file:
            return {row.split()[2]: parse_device(row) for row in file}

    before = ours()
    told = {
        name: (one.read_bytes, one.write_bytes, one.read_count, one.write_count, one.busy_time / 10)
        for name, one in psutil.disk_io_counters(perdisk=True, nowrap=False).items()
    }
    assert lie_between(before, told, ours())


def test_counters_of_interfaces_are_those_of_psutil() -> None:
    def ours() -> Counters:
        with open("/proc/net/dev", encoding="ascii") as file:
            rows = parse_interfaces(file.read())
        return {name: tuple(int(row.split()[column]) for column in (0, 8)) for name, row in rows.items()}

    before = ours()
    told = {
        name: (one.bytes_recv, one.bytes_sent)
        for name, one in psutil.net_io_counters(pernic=True, nowrap=False).items()
    }
    assert lie_between(before, told, ours())


def test_interface_may_have_a_colon_in_its_name() -> None:
    table = "Inter-|\n face |\n  eth0:1: 1 2 3\n    lo:4 5 6\n"
    found = {name: columns.split() for name, columns in parse_interfaces(table).items()}
    assert found == {"eth0:1": ["1", "2", "3"], "lo": ["4", "5", "6"]}


def test_block_devices_are_whole_and_real() -> None:
    disk_io = DiskIo()
    disk_io.read(0.0)
    devices = {dict(sample.labels)["device"] for sample in disk_io.read(1.0).samples}
    assert devices <= set(os.listdir("/sys/block"))
    assert not [device for device in devices if device.startswith(("loop", "ram", "zram"))]


def test_loopback_is_measured_only_when_it_is_asked_for() -> None:
    network = Network()
    network.read(0.0)
    assert "lo" not in {dict(sample.labels)["interface"] for sample in network.read(1.0).samples}
    network.asked = frozenset({"lo"})
    network.read(2.0)
    found = {sample.signal for sample in network.read(3.0).samples if sample.labels == (("interface", "lo"),)}
    assert len(found) == 8


class Sensor(NamedTuple):
    label: str
    current: float | None


def test_sensors_are_told_apart_by_chip_label_and_number() -> None:
    chips = {
        "coretemp": [Sensor("Core 0", 40.0), Sensor("Core 0", 41.0), Sensor("", 42.0), Sensor("broken", None)],
        "acpitz": [Sensor("", 30.5)],
    }
    found = {dict(sample.labels)["sensor"]: sample.value for sample in Temperatures(lambda: chips).read(0.0).samples}
    assert found == {"coretemp/Core 0": 40, "coretemp/Core 0 2": 41, "coretemp/3": 42, "acpitz/1": 30.5}


def test_sensors_are_looked_for_seldom_where_there_are_none() -> None:
    chips: dict[str, list[Sensor]] = {}
    temperatures = Temperatures(lambda: chips)
    assert list(temperatures.read(0.0).samples) == []
    chips["acpitz"] = [Sensor("", 30.0)]
    assert list(temperatures.read(LOOKED_FOR_EVERY - 1).samples) == []
    assert len(temperatures.read(LOOKED_FOR_EVERY).samples) == 1


def test_temperatures_are_told_where_there_are_sensors() -> None:
    temperatures = Temperatures()
    found = temperatures.read(0.0)
    assert found.error == ""
    assert all(-100 < sample.value < 200 and sample.labels[0][0] == "sensor" for sample in found.samples)
    assert len(temperatures.read(LOOKED_FOR_EVERY + 1).samples) == len(found.samples)
