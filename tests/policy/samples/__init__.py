"""Sample policies: good ones, each a valid set by itself; bad ones beside what is said of them; and whole sets."""

from __future__ import annotations

from pathlib import Path

from agent.model.signals import SignalSpec

HERE = Path(__file__).resolve().parents[1]
GOOD = sorted(HERE.glob("samples/good/*.yaml"))
BAD = sorted(HERE.glob("samples/bad/*.yaml"))
SETS = sorted(path for path in HERE.glob("samples/sets/*") if path.is_dir())

SIGNALS = {
    spec.name: spec
    for spec in (
        SignalSpec("cpu.used_percent", "", "percent", ()),
        SignalSpec("disk.free_bytes", "", "bytes", ("mountpoint",)),
        SignalSpec("disk.inodes_used_percent", "", "percent", ("mountpoint",)),
        SignalSpec("disk.used_percent", "", "percent", ("mountpoint",)),
        SignalSpec("process.cpu_percent", "", "percent", ("name",), ("name",)),
    )
}
"""A few signals as the host has them; every sample keeps to these."""


def expected(sample: Path) -> str:
    """Given a bad sample or a set, return what is said of it, one mistake a line, with bare file names."""
    golden = sample / "expected.txt" if sample.is_dir() else sample.with_suffix(".txt")
    return golden.read_text(encoding="utf-8") if golden.exists() else ""
